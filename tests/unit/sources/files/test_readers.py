"""Each source says which reading options it takes; others are refused when told."""

from __future__ import annotations

import io
import zipfile

import polars as pl
import pytest

import propload
from propload.errors import ConfigError
from propload.names.format_names import FORMATS
from propload.options import SourceOptions
from propload.running.planning import Plan, source_options
from propload.sources import open_source
from propload.sources.files.readers import READERS
from tests.unit.sources.workbooks import workbook

OPTIONS = {
    "format": "csv",
    "delimiter": ";",
    "skip_lines": 0,
    "header": True,
    "encoding": "utf-8",
    "null_words": ("-",),
    "sheet": "Blad1",
    "rows_at": "at",
}
ROWS = pl.DataFrame({"id": [1, 2]})
NESTED = pl.DataFrame({"at": [{"id": 1}, {"id": 2}]})


def opened(source, **told):
    return open_source(source, SourceOptions(**told, explicit=frozenset(told)))


@pytest.fixture
def write(tmp_path):
    def write(kind):
        path = tmp_path / f"rows.{kind}"
        if kind in ("csv", "tsv"):
            path.write_text("id\n1\n2\n")
        elif kind == "ndjson":
            NESTED.write_ndjson(path)
        elif kind == "json":
            NESTED.write_json(path)
        elif kind == "parquet":
            ROWS.write_parquet(path)
        elif kind == "arrow":
            ROWS.write_ipc(path)
        else:
            path.write_bytes(workbook(Blad1=[["id"], [1], [2]]))
        return path

    return write


def test_every_format_has_a_reader():
    assert set(READERS) == FORMATS


@pytest.mark.parametrize("kind", sorted(READERS))
@pytest.mark.parametrize("option", sorted(set(OPTIONS) - {"format"}))
def test_a_format_takes_what_it_declares_and_no_more(write, kind, option):
    told = {option: OPTIONS[option]}
    if option in READERS[kind].takes:
        source = opened(write(kind), **told)
        assert sum(batch.rows.num_rows for batch in source) == 2
        return
    takers = [one for one, reader in READERS.items() if option in reader.takes]
    with pytest.raises(ConfigError) as caught:
        opened(write(kind), **told)
    message = str(caught.value)
    assert f"rows.{kind} ({kind}), only to" in message
    assert all(taker in message for taker in takers)


@pytest.mark.parametrize("option", sorted(OPTIONS))
@pytest.mark.parametrize(
    "source", [ROWS, ROWS.to_arrow(), ROWS.lazy(), [{"id": 1}], iter([{"id": 1}])]
)
def test_rows_in_memory_take_none(source, option):
    with pytest.raises(ConfigError, match=f"{option} does not apply to"):
        opened(source, **{option: OPTIONS[option]})


def test_one_of_several_files_is_enough(write):
    paths = [write("csv"), write("parquet")]
    assert len(list(opened(paths, delimiter=","))) == 2
    with pytest.raises(ConfigError, match=r"sheet does not apply .*\(csv, parquet\)"):
        opened(paths, sheet="Blad1")


def test_what_lies_in_an_archive_counts(write, tmp_path):
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for kind in ("ndjson", "csv"):
            archive.write(write(kind), f"rows.{kind}")
    assert len(list(opened(tmp_path / "both.zip", null_words=("-",)))) == 2
    with pytest.raises(ConfigError, match="sheet does not apply to"):
        opened(tmp_path / "both.zip", sheet="Blad1")


def test_a_workbook_is_no_archive_of_texts(write):
    with pytest.raises(ConfigError, match=r"delimiter does not apply to .*\(xlsx\)"):
        opened(write("xlsx"), delimiter=";")


@pytest.mark.parametrize("told", [{}, {"format": "ndjson"}])
def test_a_pipe_is_judged_when_its_format_is_known(monkeypatch, told):
    text = io.TextIOWrapper(io.BytesIO(b'{"id": 1}\n'))
    monkeypatch.setattr("sys.stdin", text)
    with pytest.raises(ConfigError, match=r"delimiter does not .* stdin \(ndjson\)"):
        list(opened("-", delimiter=";", **told))


def test_a_file_that_cannot_be_looked_at_is_told_where_it_is_read(tmp_path):
    (tmp_path / "empty.csv").touch()
    assert opened(tmp_path / "empty.csv", sheet="Blad1").name.endswith("empty.csv")


def test_an_option_for_all_runs_is_for_those_that_know_it(write, monkeypatch, tmp_path):
    monkeypatch.setenv("PROPLOAD_DELIMITER", ";")
    (tmp_path / "propload.toml").write_text('encoding = "utf-8"')
    monkeypatch.setenv("PROPLOAD_CONFIG", str(tmp_path / "propload.toml"))
    options = source_options(Plan.of({}))
    assert (options.delimiter, options.encoding) == (";", "utf-8")
    assert len(list(open_source(write("parquet"), options))) == 1


def test_an_option_of_a_job_is_for_its_source(write, monkeypatch, tmp_path):
    (tmp_path / "propload.toml").write_text('[jobs.nightly]\nsheet = "Blad1"')
    monkeypatch.setenv("PROPLOAD_CONFIG", str(tmp_path / "propload.toml"))
    options = source_options(Plan.of({}, job="nightly"))
    with pytest.raises(ConfigError, match="sheet does not apply to"):
        open_source(write("csv"), options)


@pytest.mark.parametrize("face", [propload.ingest, propload.check])
def test_every_face_refuses_before_it_opens_a_database(write, face):
    with pytest.raises(ConfigError, match=r"sheet does not apply to .*, only to xlsx"):
        face(write("csv"), sheet="Blad1", to="postgresql://nowhere.invalid/x")


def test_pushed_rows_take_none():
    with pytest.raises(ConfigError, match="header does not apply to pushed rows"):
        propload.Loader(header=True, to="postgresql://nowhere.invalid/x")
