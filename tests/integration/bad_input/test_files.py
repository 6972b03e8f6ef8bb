"""Files that are missing, empty, damaged or no table: each error is clear."""

import gzip
import os
import zipfile

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import propload
from propload.errors import ConfigError, LoadError, SourceError
from tests.integration.bad_input.homes import GOOD, stored
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]


def test_missing_file_is_an_error(load):
    with pytest.raises(SourceError, match=r"nowhere\.csv does not exist"):
        load("nowhere.csv")


def test_file_name_that_is_not_utf8_is_accepted(load, tmp_path, database):
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_bytes(GOOD.encode() + b"x\n")
    report = load(path)
    assert (report.counts.inserted, report.counts.rejected) == (3, 1)
    assert report.source.endswith("caf\\xe9.csv")
    assert load(path).counts.unchanged == 3


def test_empty_file_is_an_error(load, write):
    with pytest.raises(LoadError, match="is empty: check what writes it") as caught:
        load(write(""))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("source", ["exports", "exports/*.csv", "exports.zip"])
def test_empty_file_among_others_fails_the_load(load, tmp_path, source):
    folder = tmp_path / "exports"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "exports.zip", "w") as archive:
        for name, text in (("a.csv", GOOD), ("b.csv", "")):
            (folder / name).write_text(text)
            archive.writestr(name, text)
    # a failed export leaves such a file: its rows would be missing silently
    with pytest.raises(LoadError, match=r"b\.csv is empty") as caught:
        load(str(tmp_path / source))
    assert caught.value.exit_code == 4
    assert caught.value.report.counts.inserted == 3


def test_file_without_a_line_of_json_fails_the_load(load, write):
    with pytest.raises(LoadError, match=r"holds no row of JSON: line 1: ") as caught:
        load(write(GOOD), format="ndjson")
    assert caught.value.exit_code == 4
    assert caught.value.report.counts.rejected == 4
    # the ledger has no run that could be resumed
    assert caught.value.report.message.endswith("Nothing was written")


def test_items_that_are_no_rows_are_rejected(load):
    report = load([1, 2])
    assert (report.counts.read, report.counts.rejected) == (2, 2)


def test_folder_without_files_of_a_known_format_is_an_error(load, tmp_path):
    (tmp_path / "notes.bin").write_bytes(b"\0")
    with pytest.raises(SourceError, match="known format: name the files and their"):
        load(str(tmp_path))


def test_garbage_named_csv_fails_the_load(load, write):
    garbage = bytes(range(256)) * 64
    with pytest.raises(LoadError, match=r"homes\.csv") as caught:
        load(write(garbage))
    assert caught.value.exit_code == 4


def test_truncated_gz_loads_its_first_rows_and_names_the_last_one(
    load, write, database
):
    text = "id,price\n" + "".join(f"{n},{n * 7919 % 100_003}\n" for n in range(200_000))
    packed = gzip.compress(text.encode(), mtime=0)
    with pytest.raises(LoadError, match=r"homes\.csv\.gz.*after row") as caught:
        load(write(packed[: len(packed) * 2 // 3], "homes.csv.gz"))
    assert caught.value.exit_code == 4
    report = caught.value.report
    report.counts.verify()
    assert report.status == "failed"
    table = stored(database)
    assert 0 < table.height == report.counts.inserted
    assert table["id"].to_list() == list(range(table.height))


def test_truncated_parquet_file_fails_the_load(load, tmp_path, write):
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"id": range(1000)}).write_parquet(whole)
    content = whole.read_bytes()
    with pytest.raises(LoadError, match=r"homes\.parquet") as caught:
        load(write(content[: len(content) // 2], "homes.parquet"))
    assert caught.value.exit_code == 4


def test_ragged_rows_and_rows_with_nul_bytes_are_rejected(load, write, database):
    report = load(write("id,price\n1,10\n2,20,30\n3\n4,4\0\n5,50\n"))
    assert report.counts.inserted == 2
    assert report.counts.rejected == 3
    assert stored(database).rows() == [(1, 10), (5, 50)]
    assert report.rejects["propload_row"].to_list() == [2, 3, 4]
    assert {one.stage for one in report.reasons_counted} == {"read"}


def test_row_wider_than_a_page_of_the_server_is_rejected(load, write, database):
    names = ["id", *(f"c{n}" for n in range(1499))]
    text = ",".join(names) + "\n" + ",".join(["1"] * 1500) + "\n"
    report = load(write(text))
    assert report.counts.rejected == 1
    assert "too big" in report.rejects["propload_reasons"][0]
    assert stored(database).height == 0


def test_too_long_line_is_rejected_alone(load, write, database):
    # longer than the 64 MiB at which a row is refused
    line = b'2,"' + b"x" * (70 << 20) + b'"\n'
    report = load(write(b"id,price\n1,a\n" + line + b"3,b\n"))
    assert (report.counts.inserted, report.counts.rejected) == (2, 1)
    assert stored(database)["id"].to_list() == [1, 3]


def test_error_names_the_one_of_several_files_that_does_not_fit(load, write, database):
    load(write(GOOD))
    paths = [write(GOOD, "a.csv"), write("id,prize\n4,40\n", "b.csv")]
    with pytest.raises(LoadError, match=r"b\.csv: column prize \(did you mean price"):
        load(paths, batch_seconds=0)
    arguments = {"to": database, "table": "homes", "key": "id"}
    (problem,) = propload.check(paths, **arguments).problems
    assert "b.csv: column prize" in problem


def test_delimiter_that_may_be_wrong_is_reported(load, write, database):
    path = write(GOOD)
    doubt = "the name of the only column holds ',': is the delimiter right"
    arguments = {"to": database, "table": "homes", "delimiter": ";"}
    with pytest.raises(ConfigError) as caught:
        load(path, delimiter=";")
    assert doubt in str(caught.value)
    (problem,) = propload.check(path, key="id", **arguments).problems
    assert doubt in problem
    checked = propload.check(path, mode="append", **arguments)
    report = load(path, delimiter=";", mode="append", key=None)
    assert checked.notes == report.notes
    assert f"{path}: {doubt}" in report.notes[0]
    run_sql(database, "DROP TABLE homes", "CREATE TABLE homes (id int PRIMARY KEY)")
    with pytest.raises(LoadError, match=r"'id,price' is not in .*delimiter right"):
        load(path, delimiter=";", mode="append", key=None)


def test_header_that_may_be_a_row_of_values_is_noted(load, write, database):
    path = write("Ede,villa\nEpe,flat\nEde,house\n")
    report = load(path, key="villa")
    assert "'Ede' may be a value" in report.notes[0]
    arguments = {"to": database, "table": "homes", "key": "villa"}
    assert propload.check(path, **arguments).notes == report.notes


def test_texts_of_parquet_that_are_not_utf8_are_rejected(load, tmp_path, database):
    names = [b"Delft", "Zürich".encode("latin-1"), "Coëvorden".encode()]
    column = pa.array(names * 2, pa.binary()).view(pa.string())
    path = tmp_path / "homes.parquet"
    table = pa.table({"id": range(1, 7), "city": column})
    pq.write_table(table, path, row_group_size=4)
    report = load(path)
    assert (report.counts.inserted, report.counts.rejected) == (4, 2)
    [reason] = report.reasons_counted
    assert r"column city: 'Z\xfcrich' is not UTF-8" in reason.said
    stored_cities = query(database, "SELECT city FROM homes ORDER BY id")
    assert stored_cities == [("Delft",), ("Coëvorden",)] * 2
    assert report.rejects["propload_row"].to_list() == [2, 5]
