"""Input and targets that are wrong: a clear message, nothing lost or half-written."""

import gzip
import os

import pandera.polars as pa
import polars as pl
import pytest

import propload
from propload.batch import ORDINAL, OWN_NAMES
from propload.errors import ConfigError, LoadError, PropLoadError, SourceError
from propload.postgres.session.connection import connect
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(120)

GOOD = "id,price\n1,10\n2,20\n3,30\n"


@pytest.fixture
def load(database):
    def load(source, **more):
        told = {"to": database, "table": "homes", "key": "id", "progress": False}
        report = propload.ingest(source, **(told | more))
        report.counts.verify()
        return report

    return load


@pytest.fixture
def write(tmp_path):
    def write(content, name="homes.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def stored(database, table="homes"):
    return read_table(database, table).sort("id")


def test_a_missing_file(load):
    with pytest.raises(SourceError, match=r"nowhere\.csv does not exist"):
        load("nowhere.csv")


def test_a_name_that_is_no_text(load, tmp_path, database):
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_bytes(GOOD.encode() + b"x\n")
    report = load(path)
    assert (report.counts.inserted, report.counts.rejected) == (3, 1)
    assert report.source.endswith("caf\\xe9.csv")
    assert load(path).counts.unchanged == 3


def test_an_empty_file(load, write):
    with pytest.raises(LoadError, match="is empty") as caught:
        load(write(""))
    assert caught.value.exit_code == 4


def tables(database):
    with connect(database) as session:
        return session.rows("SELECT relname FROM pg_class WHERE relname = 'homes'")


def test_a_header_alone_makes_no_table(load, write, database):
    path = write("id,price\n")
    report = load(path)
    assert report.counts.read == 0
    assert "(id, price) but no row to tell the types" in report.notes[0]
    assert "homes was not made" in report.notes[0]
    assert tables(database) == []
    told = {"to": database, "table": "homes", "key": "id"}
    assert propload.check(path, **told).notes == report.notes
    with pytest.raises(ConfigError, match="column nr is needed"):
        load(path, key="nr")


def test_a_header_alone_is_no_load_into_a_table_that_is_there(load, write, database):
    load(write(GOOD))
    report = load(write("id,price\n", "none.csv"))
    assert (report.counts.read, report.notes) == (0, ())
    assert stored(database).height == 3


class Home(pa.DataFrameModel):
    id: int
    price: float


@pytest.mark.parametrize(
    "told",
    [
        {"schema": Home},
        {"mapping": {"id": {"from": "id", "parse": "integer"}}},
    ],
)
def test_a_header_alone_makes_a_table_whose_types_are_told(load, write, database, told):
    assert load(write("id,price\n"), **told).counts.read == 0
    assert stored(database).schema["id"] == pl.Int64


@pytest.mark.parametrize("batch_seconds", [0, 10])
def test_a_header_alone_decides_nothing_for_other_files(
    load, write, database, batch_seconds
):
    paths = [write("id,price\n", "a.csv"), write("id,price\n1\n", "b.csv")]
    report = load([*paths, write(GOOD, "c.csv")], batch_seconds=batch_seconds)
    assert (report.counts.inserted, report.counts.rejected) == (3, 1)
    assert report.notes == ()
    assert stored(database).schema["price"] == pl.Int64
    told = {"to": database, "table": "homes", "key": "id"}
    assert not propload.check([*paths, write(GOOD, "c.csv")], **told).notes


def test_lines_of_which_none_is_json(load, write):
    with pytest.raises(LoadError, match=r"holds no row of JSON: line 1: ") as caught:
        load(write(GOOD), format="ndjson")
    assert caught.value.exit_code == 4
    assert caught.value.report.counts.rejected == 4
    # there is no run in the ledger that could be gone on with
    assert caught.value.report.message.endswith("Nothing was written")


def test_items_of_which_none_is_a_row(load):
    report = load([1, 2])
    assert (report.counts.read, report.counts.rejected) == (2, 2)


def test_a_folder_without_files_of_a_known_format(load, tmp_path):
    (tmp_path / "notes.bin").write_bytes(b"\0")
    with pytest.raises(SourceError, match="without files of a known format"):
        load(str(tmp_path))


def test_garbage_named_csv(load, write):
    garbage = bytes(range(256)) * 64
    with pytest.raises(LoadError, match=r"homes\.csv") as caught:
        load(write(garbage))
    assert caught.value.exit_code == 4


def test_a_truncated_gz_loads_what_came_before_and_says_where(load, write, database):
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


def test_a_truncated_parquet_file(load, tmp_path, write):
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"id": range(1000)}).write_parquet(whole)
    content = whole.read_bytes()
    with pytest.raises(LoadError, match=r"homes\.parquet") as caught:
        load(write(content[: len(content) // 2], "homes.parquet"))
    assert caught.value.exit_code == 4


def test_ragged_rows_and_nul_bytes_cost_these_rows(load, write, database):
    report = load(write("id,price\n1,10\n2,20,30\n3\n4,4\0\n5,50\n"))
    assert report.counts.inserted == 2
    assert report.counts.rejected == 3
    assert stored(database).rows() == [(1, 10), (5, 50)]
    assert report.rejects["propload_row"].to_list() == [2, 3, 4]
    assert {one.stage for one in report.reasons_counted} == {"read"}


def test_columns_of_the_same_name(load, write):
    with pytest.raises(LoadError, match="several columns named 'price'") as caught:
        load(write("id,price,price\n1,2,3\n"))
    assert caught.value.exit_code == 4


def test_two_thousand_columns_are_more_than_postgresql_takes(load, write):
    names = ["id", *(f"c{n}" for n in range(1999))]
    text = ",".join(names) + "\n" + ",".join(["1"] * 2000) + "\n"
    with pytest.raises(
        LoadError,
        match=r"public\.\S+ cannot be made: 2,000 columns .* 1,600 .*--mapping",
    ):
        load(write(text))


def test_a_thousand_columns_load(load, write, database):
    names = ["id", *(f"c{n}" for n in range(999))]
    text = ",".join(names) + "\n" + ",".join(["1"] * 1000) + "\n"
    assert load(write(text)).counts.inserted == 1
    assert stored(database).width == 1000


def test_a_row_wider_than_a_page_of_the_server_is_refused(load, write, database):
    names = ["id", *(f"c{n}" for n in range(1499))]
    text = ",".join(names) + "\n" + ",".join(["1"] * 1500) + "\n"
    report = load(write(text))
    assert report.counts.rejected == 1
    assert "too big" in report.rejects["propload_reasons"][0]
    assert stored(database).height == 0


def test_a_line_that_is_too_long_costs_one_row(load, write, database):
    # longer than the 64 MiB at which a row is refused
    line = b'2,"' + b"x" * (70 << 20) + b'"\n'
    report = load(write(b"id,price\n1,a\n" + line + b"3,b\n"))
    assert (report.counts.inserted, report.counts.rejected) == (2, 1)
    assert stored(database)["id"].to_list() == [1, 3]


def test_an_unknown_key_column(load, write):
    with pytest.raises(ConfigError, match="column nr is needed"):
        load(write(GOOD), key="nr")


def test_null_keys_are_refused_row_by_row(load, write, database):
    report = load(write("id,price\n1,10\n,20\n3,30\n"))
    assert report.counts.rejected == 1
    assert report.rejects["propload_row"].to_list() == [2]
    assert stored(database)["id"].to_list() == [1, 3]


def test_a_key_that_the_table_does_not_keep_unique(load, write, database):
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint)")
    with pytest.raises(LoadError, match="no unique constraint on"):
        load(write(GOOD))
    assert stored(database).height == 0


def test_a_view(load, write, database):
    run_sql(database, "CREATE VIEW homes AS SELECT 1 AS id, 2 AS price")
    with pytest.raises(PropLoadError, match="view"):
        load(write(GOOD))


def test_a_column_that_the_table_lacks(load, write, database):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    with pytest.raises(LoadError, match="price"):
        load(write(GOOD))
    assert load(write(GOOD), on_new_columns="ignore").counts.inserted == 3
    assert stored(database).columns == ["id"]
    assert load(write(GOOD), on_new_columns="add").counts.updated == 3
    assert stored(database)["price"].to_list() == [10, 20, 30]


def test_names_full_of_quotes_semicolons_and_reserved_words(load, write, database):
    odd = ['se"lect', "or der; DROP TABLE x", "user", "naïve Straße", "a'b"]
    frame = pl.DataFrame({name: [1, 2] for name in odd})
    table = '"public"."ta""ble; --"'
    load(frame, table=table, key=[odd[0]])
    report = load(frame.with_columns(user=9), table=table, key=[odd[0]])
    assert report.counts.updated == 2
    with_quotes = read_table(database, 'ta""ble; --')
    assert with_quotes.columns == odd
    assert with_quotes["user"].to_list() == [9, 9]


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        ("postgresql://nobody:sesame@127.0.0.1:1/homes", "127.0.0.1"),
        ("postgresql://nobody:sesame@no-such-host.invalid/homes", "no-such-host"),
        ("this is no address", "connection string"),
    ],
)
def test_a_database_that_cannot_be_reached(load, write, dsn, message):
    with pytest.raises(PropLoadError, match=message) as caught:
        load(write(GOOD), to=dsn, retry_seconds=0, retry_attempts=1)
    assert "sesame" not in str(caught.value)


def test_no_right_to_write(load, write, database):
    role = f"reader_{os.getpid()}"
    run_sql(
        database,
        "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)",
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT ON homes TO {role}",
    )
    try:
        separator = "&" if "?" in database else "?"
        with pytest.raises(PropLoadError, match="homes"):
            load(write(GOOD), to=f"{database}{separator}user={role}")
        assert stored(database).height == 0
    finally:
        run_sql(database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_reject_limit_stops_the_run_and_keeps_what_is_committed(
    load, write, database
):
    rows = "".join(f"{n},{'x' if n % 5 == 0 else n}\n" for n in range(1, 2001))
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    with pytest.raises(propload.RejectLimitError) as caught:
        load(write("id,price\n" + rows), max_rejects="10%", batch_rows=200)
    report = caught.value.report
    report.counts.verify()
    assert caught.value.exit_code == 3
    assert report.status == "stopped"
    assert stored(database).height == report.counts.inserted


@pytest.mark.parametrize("name", sorted(OWN_NAMES))
def test_a_column_of_proploads_own_name(load, write, database, name):
    path = write(f"id,{name}\n1,2\n")
    with pytest.raises(LoadError, match=f"{name} is propload's own"):
        load(path)
    report = propload.check(path, to=database, table="homes", key="id")
    assert any("propload's own" in each for each in report.problems)


def test_a_mapped_column_of_proploads_own_name(load, write):
    mapping = {"columns": {"id": "id", ORDINAL: "id"}}
    with pytest.raises(LoadError, match=f"{ORDINAL} is propload's own"):
        load(write("id\n1\n"), mapping=mapping)


@pytest.mark.parametrize("name", ["*", "^p.*$"])
def test_a_column_whose_name_is_a_pattern(load, write, database, name):
    with pytest.raises(LoadError, match=r"looks like a pattern") as caught:
        load(write(f"id,{name},price\n1,2,3\n"))
    assert repr(name) in str(caught.value)
    assert caught.value.report.counts.inserted == 0
    report = propload.check(
        write(f"id,{name},price\n1,2,3\n"), to=database, table="homes", key="id"
    )
    assert any("pattern" in each for each in report.problems)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("id bigint PRIMARY KEY, sold date NOT NULL", "column sold takes no null"),
        ("price bigint", "lacks the key column id"),
    ],
)
def test_a_check_of_rows_that_do_not_fit_says_what_is_wrong(
    write, database, table, told
):
    run_sql(database, f"CREATE TABLE homes ({table})")
    report = propload.check(write(GOOD), to=database, table="homes", key="id")
    assert any(told in each for each in report.problems), report.problems
    assert (report.rows, report.rejected, report.key_repeats) == (3, 0, 0)


def test_of_several_files_the_one_that_does_not_fit_is_named(load, write, database):
    load(write(GOOD))
    paths = [write(GOOD, "a.csv"), write("id,prize\n4,40\n", "b.csv")]
    with pytest.raises(LoadError, match=r"b\.csv: column prize \(did you mean price"):
        load(paths, batch_seconds=0)
    told = {"to": database, "table": "homes", "key": "id"}
    (problem,) = propload.check(paths, **told).problems
    assert "b.csv: column prize" in problem


def test_a_wrong_key_is_told_with_the_file(load, write):
    path = write(GOOD)
    with pytest.raises(ConfigError) as caught:
        load(path, key="idd")
    assert str(caught.value).startswith(f"{path}: column idd is needed")
    assert str(caught.value).endswith("did you mean 'id'?")


def test_a_delimiter_that_may_be_wrong_is_told(load, write, database):
    path = write(GOOD)
    doubt = "the name of the only column holds ',': is the delimiter right"
    told = {"to": database, "table": "homes", "delimiter": ";"}
    with pytest.raises(ConfigError) as caught:
        load(path, delimiter=";")
    assert doubt in str(caught.value)
    (problem,) = propload.check(path, key="id", **told).problems
    assert doubt in problem
    checked = propload.check(path, mode="append", **told)
    report = load(path, delimiter=";", mode="append", key=None)
    assert checked.notes == report.notes
    assert f"{path}: {doubt}" in report.notes[0]
    run_sql(database, "DROP TABLE homes", "CREATE TABLE homes (id int PRIMARY KEY)")
    with pytest.raises(LoadError, match=r"id,price is not in .*delimiter right"):
        load(path, delimiter=";", mode="append", key=None)


def test_a_first_row_that_was_taken_for_the_header_is_told(load, write, database):
    path = write("Ede,villa\nEpe,flat\nEde,house\n")
    report = load(path, key="villa")
    assert "'Ede' may be a value" in report.notes[0]
    told = {"to": database, "table": "homes", "key": "villa"}
    assert propload.check(path, **told).notes == report.notes


@pytest.mark.one_server
@pytest.mark.parametrize("call", [propload.ingest, propload.check])
def test_rows_without_columns_are_not_passed_over(database, call):
    none = pl.DataFrame({"id": [1, 2]}).to_arrow().select([])
    with pytest.raises(propload.PropLoadError, match="2 rows have no columns"):
        call(none, to=database, table="t", key="id")
