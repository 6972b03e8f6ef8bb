"""Each source declares its reading options; others are refused if given explicitly."""

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


def open_explicit(source, **options):
    return open_source(source, SourceOptions(**options, explicit=frozenset(options)))


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
def test_format_takes_only_the_options_it_declares(write, kind, option):
    options = {option: OPTIONS[option]}
    if option in READERS[kind].takes:
        source = open_explicit(write(kind), **options)
        assert sum(batch.rows.num_rows for batch in source) == 2
        return
    takers = [one for one, reader in READERS.items() if option in reader.takes]
    with pytest.raises(ConfigError) as caught:
        open_explicit(write(kind), **options)
    message = str(caught.value)
    assert f"rows.{kind} ({kind}), only to" in message
    assert all(taker in message for taker in takers)


@pytest.mark.parametrize("option", sorted(OPTIONS))
@pytest.mark.parametrize(
    "source", [ROWS, ROWS.to_arrow(), ROWS.lazy(), [{"id": 1}], iter([{"id": 1}])]
)
def test_rows_in_memory_take_no_reading_options(source, option):
    with pytest.raises(ConfigError, match=f"{option} does not apply to"):
        open_explicit(source, **{option: OPTIONS[option]})


def test_option_needs_only_one_file_that_takes_it(write):
    paths = [write("csv"), write("parquet")]
    assert len(list(open_explicit(paths, delimiter=","))) == 2
    with pytest.raises(ConfigError, match=r"sheet does not apply .*\(csv, parquet\)"):
        open_explicit(paths, sheet="Blad1")


def test_option_may_apply_to_files_in_an_archive(write, tmp_path):
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for kind in ("ndjson", "csv"):
            archive.write(write(kind), f"rows.{kind}")
    assert len(list(open_explicit(tmp_path / "both.zip", null_words=("-",)))) == 2
    with pytest.raises(ConfigError, match="sheet does not apply to"):
        open_explicit(tmp_path / "both.zip", sheet="Blad1")


def test_workbook_takes_no_options_of_text_files(write):
    with pytest.raises(ConfigError, match=r"delimiter does not apply to .*\(xlsx\)"):
        open_explicit(write("xlsx"), delimiter=";")


@pytest.mark.parametrize("options", [{}, {"format": "ndjson"}])
def test_options_of_pipe_are_checked_once_its_format_is_known(monkeypatch, options):
    text = io.TextIOWrapper(io.BytesIO(b'{"id": 1}\n'))
    monkeypatch.setattr("sys.stdin", text)
    with pytest.raises(ConfigError, match=r"delimiter does not .* stdin \(ndjson\)"):
        list(open_explicit("-", delimiter=";", **options))


def test_empty_file_is_opened_without_checking_options(tmp_path):
    (tmp_path / "empty.csv").touch()
    assert open_explicit(tmp_path / "empty.csv", sheet="Blad1").name.endswith(
        "empty.csv"
    )


def test_general_setting_is_ignored_by_formats_without_it(write, monkeypatch, tmp_path):
    monkeypatch.setenv("PROPLOAD_DELIMITER", ";")
    (tmp_path / "propload.toml").write_text('encoding = "utf-8"')
    monkeypatch.setenv("PROPLOAD_CONFIG", str(tmp_path / "propload.toml"))
    options = source_options(Plan.of({}))
    assert (options.delimiter, options.encoding) == (";", "utf-8")
    assert len(list(open_source(write("parquet"), options))) == 1


def test_job_setting_must_apply_to_its_source(write, monkeypatch, tmp_path):
    (tmp_path / "propload.toml").write_text('[jobs.nightly]\nsheet = "Blad1"')
    monkeypatch.setenv("PROPLOAD_CONFIG", str(tmp_path / "propload.toml"))
    options = source_options(Plan.of({}, job="nightly"))
    with pytest.raises(ConfigError, match="sheet does not apply to"):
        open_source(write("csv"), options)


@pytest.mark.parametrize("function", [propload.ingest, propload.check])
def test_option_is_refused_before_a_database_is_opened(write, function):
    with pytest.raises(ConfigError, match=r"sheet does not apply to .*, only to xlsx"):
        function(write("csv"), sheet="Blad1", to="postgresql://nowhere.invalid/x")


def test_pushed_rows_take_no_reading_options():
    with pytest.raises(ConfigError, match="header does not apply to pushed rows"):
        propload.Loader(header=True, to="postgresql://nowhere.invalid/x")
