from __future__ import annotations

import gzip
import io
import itertools
import os
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from propload.errors import ConfigError, SourceError
from propload.options import SourceOptions
from propload.sources import open_source, row_batches
from propload.sources.files import file_source as files

#: A file system that keeps any moment.
MEMORY = Path("/dev", "shm")


def opened(source, **options):
    return open_source(source, SourceOptions(**options))


def test_a_folder_is_its_files_in_order(read, folder):
    reading = read(folder)
    assert reading.rows == [{"x": "a"}, {"x": "b"}, {"y": 1}]
    names = [Path(batch.source).name for batch in reading.batches]
    assert names == ["a.csv", "b.csv", "c.ndjson"]
    assert [batch.first_row for batch in reading.batches] == [1, 1, 1]


def test_a_pipe_by_its_name_is_read_once_as_stdin_is(read, tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    source = opened(path)
    assert not source.rereadable
    assert source.fingerprint() is None
    writer = threading.Thread(target=path.write_text, args=("x,y\n1,a\n2,b\n",))
    writer.start()
    batches = list(source)
    writer.join(10)
    assert [row for one in batches for row in one.rows.to_pylist()] == [
        {"x": "1", "y": "a"},
        {"x": "2", "y": "b"},
    ]
    assert [one.as_of for one in batches] == [None]


def test_a_glob_is_its_matches_in_order(read, folder):
    assert read(f"{folder}/*.csv").rows == [{"x": "a"}, {"x": "b"}]
    assert read(f"{folder}/**/*.ndjson").rows == [{"y": 1}]


def test_values_that_only_folders_hold_are_told_once(folder):
    for place, text in {
        "year=2023/city=Ede": "x\n1\n",
        "year=2024/city=Ede": "x\n2\n",
        "year=2024/city=Oss": "x,city,year\n3,Oss,2024\n",
    }.items():
        (folder / "parts" / place).mkdir(parents=True)
        (folder / "parts" / place / "a.csv").write_text(text)
    source = opened(folder / "parts")
    assert len(list(source)) == 3
    (note,) = source.notes
    assert "folders such as year=2023, and have no column year or city" in note
    whole = opened(f"{folder}/parts/*/city=Oss/*.csv")
    assert len(list(whole)) == 1
    assert whole.notes == ()


def test_values_that_only_folders_of_an_archive_hold_are_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "parts.zip", "w") as archive:
        archive.writestr("year=2023/a.csv", "x\n1\n")
        archive.writestr("year=2024/a.csv", "x,year\n2,2024\n")
    source = opened(tmp_path / "parts.zip")
    assert len(list(source)) == 2
    (note,) = source.notes
    assert "folders such as year=2023, and have no column year" in note


def test_several_paths_are_read_as_given(read, folder):
    paths = [folder / "b.csv", str(folder / "a.csv")]
    assert read(paths).rows == [{"x": "b"}, {"x": "a"}]
    assert opened(paths).name.startswith("2 sources from ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(read, folder):
    (folder / "a.csv").chmod(0)
    assert "cannot be opened" in str(read(folder / "a.csv").error)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_stdin_is_read(read, monkeypatch, pack):
    class Input:
        buffer = io.BytesIO(pack(b"x,y\n1,2\n"))

    monkeypatch.setattr(sys, "stdin", Input)
    reading = read("-")
    assert reading.rows == [{"x": "1", "y": "2"}]
    assert reading.batches[0].source == "stdin"


@pytest.mark.parametrize("stdin", [None, io.StringIO("x\n1\n")])
def test_a_program_without_stdin_is_told(stdin, read, monkeypatch):
    monkeypatch.setattr(sys, "stdin", stdin)
    assert "stdin cannot be read: it is not an open" in str(read("-").error)


@pytest.mark.skipif(not MEMORY.is_dir(), reason="a disk here knows no such years")
@pytest.mark.parametrize("seconds", [253_402_300_800, -99_999_999_999])
def test_a_file_of_a_year_that_no_calendar_has_is_read(seconds, read):
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder, "a.csv")
        path.write_text("x\na\n")
        os.utime(path, (seconds, seconds))
        assert path.stat().st_mtime == seconds
        assert read(path).rows == [{"x": "a"}]


def test_a_file_that_is_named_from_a_folder_that_is_gone_is_told(folder, monkeypatch):
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SourceError, match=r"^\.\./a\.csv has no full path: the curr"):
        opened("../a.csv").fingerprint()


def test_stdin_is_read_once(folder):
    stdin = opened("-")
    assert (stdin.name, stdin.rereadable) == ("stdin", False)
    assert stdin.fingerprint() is None
    assert not opened([folder / "a.csv", "-"]).rereadable


def test_a_file_knows_its_size_and_is_read_again(folder):
    source = opened(folder / "a.csv")
    assert source.rereadable
    assert len(list(source)) == len(list(source)) == 1


def test_a_fingerprint_changes_with_the_content(folder):
    path = folder / "a.csv"
    times = (1_700_000_000, 1_700_000_000)
    os.utime(path, times)
    before = opened(path).fingerprint()
    assert before == opened(path).fingerprint()
    assert before != opened(folder / "b.csv").fingerprint()
    path.write_text("x\nz\n")
    os.utime(path, times)
    changed = opened(path).fingerprint()
    assert changed != before
    os.utime(path, (1_700_000_001, 1_700_000_001))
    assert opened(path).fingerprint() != changed


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a", b"x,y\n1,2\n", [{"x": "1", "y": "2"}]),
        ("a.data", b'{"x": 1}\n{"x": 2}\n', [{"x": 1}, {"x": 2}]),
        ("a.json", b'{"x": 1}\n{"x": 2}\n', [{"x": 1}, {"x": 2}]),
        ("a.json", b'{\n"x": 1}\n{"x": 2}\n', [{"x": 1}, {"x": 2}]),
        ("a.unknown", b' [{"x": 1}]', [{"x": 1}]),
        ("a.tsv", b"x\ty\n1,5\t2\n", [{"x": "1,5", "y": "2"}]),
        ("A.CSV", b"x\n1\n", [{"x": "1"}]),
    ],
)
def test_the_format_is_found(read, write, name, content, rows):
    assert read(write(name, content)).rows == rows


def test_the_format_can_be_told(read, write):
    path = write("a.csv", '{"x": 1}\n')
    assert read(path, format="ndjson").rows == [{"x": 1}]
    with pytest.raises(ConfigError, match="yaml"):
        list(opened(path, format="yaml"))


@pytest.mark.parametrize("nothing", [5, None, b"a.csv", {"x": 1}, object()])
def test_what_holds_no_rows_is_refused(nothing):
    with pytest.raises(ConfigError, match="cannot be read"):
        opened(nothing)


def test_stdin_stays_open_to_who_reads_on(read, monkeypatch, tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": [1]}).write_parquet(path)
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        assert read("-", format="parquet").rows == [{"id": 1}]
        assert not file.closed


def test_a_file_that_cannot_be_read_has_no_fingerprint(folder, monkeypatch):
    source = opened(folder / "a.csv")

    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "_open", lambda _: Broken())
    with pytest.raises(SourceError, match=r"a\.csv cannot be read: Input/output"):
        source.fingerprint()


@pytest.mark.parametrize("pack", [None, gzip.compress])
@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_a_file_is_cut_at_the_same_rows_however_long_it_takes(
    tmp_path, monkeypatch, name, pack
):
    lines = [b'{"id": %d}\n' % n for n in range(10)]
    if name == "x.ndjson":
        lines[8] = b'{"id":\n'
    text = b"".join(lines)
    path = tmp_path / (f"{name}.gz" if pack else name)
    path.write_bytes(pack(text) if pack else text)
    at_once = [batch.height for batch in opened(path, chunk_rows=4)]
    clock = itertools.count(0, 100)
    monkeypatch.setattr(row_batches.time, "monotonic", lambda: next(clock))
    source = opened(path, chunk_rows=4)
    assert source.rereadable
    assert [batch.height for batch in source] == at_once
    assert len(at_once) == 3


def test_a_file_that_is_written_into_while_it_is_read_is_told(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(1000)))
    source = opened(path, chunk_bytes=100)
    batches = iter(source)
    next(batches)
    with path.open("a") as file:
        file.write("1000\n")
    assert list(batches)
    (note,) = source.notes
    assert note.startswith(f"{path} was changed while it was being read")
    # a part of its rows replaces no table
    assert note.startswith(source.incomplete)
    assert source.incomplete


def test_a_file_that_another_one_takes_the_place_of_is_read_as_it_was(tmp_path):
    path, other = tmp_path / "homes.csv", tmp_path / "new.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(1000)))
    other.write_text("id\n0\n")
    source = opened(path, chunk_bytes=100)
    batches = iter(source)
    rows = next(batches).height
    other.replace(path)
    assert rows + sum(batch.height for batch in batches) == 1000
    assert source.notes == ()
    assert source.incomplete == ""
