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

#: A file system in memory, which stores modification times of any year.
MEMORY = Path("/dev", "shm")


def open_path(source, **options):
    return open_source(source, SourceOptions(**options))


def test_files_of_folder_are_read_in_order(read, folder):
    reading = read(folder)
    assert reading.rows == [{"x": "a"}, {"x": "b"}, {"y": 1}]
    names = [Path(batch.source).name for batch in reading.batches]
    assert names == ["a.csv", "b.csv", "c.ndjson"]
    assert [batch.first_row for batch in reading.batches] == [1, 1, 1]


def test_named_pipe_is_read_once_like_stdin(read, tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    source = open_path(path)
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


def test_matches_of_glob_are_read_in_order(read, folder):
    assert read(f"{folder}/*.csv").rows == [{"x": "a"}, {"x": "b"}]
    assert read(f"{folder}/**/*.ndjson").rows == [{"y": 1}]


def test_note_names_partition_columns_missing_in_the_files(folder):
    for place, text in {
        "year=2023/city=Ede": "x\n1\n",
        "year=2024/city=Ede": "x\n2\n",
        "year=2024/city=Oss": "x,city,year\n3,Oss,2024\n",
    }.items():
        (folder / "parts" / place).mkdir(parents=True)
        (folder / "parts" / place / "a.csv").write_text(text)
    source = open_path(folder / "parts")
    assert len(list(source)) == 3
    (note,) = source.notes
    assert "folders such as year=2023, and have no column year or city" in note
    whole = open_path(f"{folder}/parts/*/city=Oss/*.csv")
    assert len(list(whole)) == 1
    assert whole.notes == ()


def test_note_names_partition_columns_missing_in_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "parts.zip", "w") as archive:
        archive.writestr("year=2023/a.csv", "x\n1\n")
        archive.writestr("year=2024/a.csv", "x,year\n2,2024\n")
    source = open_path(tmp_path / "parts.zip")
    assert len(list(source)) == 2
    (note,) = source.notes
    assert "folders such as year=2023, and have no column year" in note


def test_several_paths_are_read_in_the_order_given(read, folder):
    paths = [folder / "b.csv", str(folder / "a.csv")]
    assert read(paths).rows == [{"x": "b"}, {"x": "a"}]
    assert open_path(paths).name.startswith("2 sources from ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_read_permission_is_refused(read, folder):
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
def test_missing_or_replaced_stdin_is_reported(stdin, read, monkeypatch):
    monkeypatch.setattr(sys, "stdin", stdin)
    assert "stdin cannot be read: it is not an open" in str(read("-").error)


@pytest.mark.skipif(not MEMORY.is_dir(), reason="a disk here knows no such years")
@pytest.mark.parametrize("seconds", [253_402_300_800, -99_999_999_999])
def test_file_with_modification_time_out_of_range_is_read(seconds, read):
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder, "a.csv")
        path.write_text("x\na\n")
        os.utime(path, (seconds, seconds))
        assert path.stat().st_mtime == seconds
        assert read(path).rows == [{"x": "a"}]


def test_relative_path_from_deleted_folder_raises(folder, monkeypatch):
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SourceError, match=r"^\.\./a\.csv has no full path: the curr"):
        open_path("../a.csv").fingerprint()


def test_stdin_is_read_once(folder):
    stdin = open_path("-")
    assert (stdin.name, stdin.rereadable) == ("stdin", False)
    assert stdin.fingerprint() is None
    assert not open_path([folder / "a.csv", "-"]).rereadable


def test_file_can_be_read_again(folder):
    source = open_path(folder / "a.csv")
    assert source.rereadable
    assert len(list(source)) == len(list(source)) == 1


def test_fingerprint_changes_with_content_or_modification_time(folder):
    path = folder / "a.csv"
    times = (1_700_000_000, 1_700_000_000)
    os.utime(path, times)
    before = open_path(path).fingerprint()
    assert before == open_path(path).fingerprint()
    assert before != open_path(folder / "b.csv").fingerprint()
    path.write_text("x\nz\n")
    os.utime(path, times)
    changed = open_path(path).fingerprint()
    assert changed != before
    os.utime(path, (1_700_000_001, 1_700_000_001))
    assert open_path(path).fingerprint() != changed


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
def test_format_is_recognized(read, write, name, content, rows):
    assert read(write(name, content)).rows == rows


def test_format_option_overrides_file_ending(read, write):
    path = write("a.csv", '{"x": 1}\n')
    assert read(path, format="ndjson").rows == [{"x": 1}]
    with pytest.raises(ConfigError, match="yaml"):
        list(open_path(path, format="yaml"))


@pytest.mark.parametrize("source", [5, None, b"a.csv", {"x": 1}, object()])
def test_source_of_unsupported_type_is_refused(source):
    with pytest.raises(ConfigError, match="cannot be read"):
        open_path(source)


def test_stdin_is_not_closed(read, monkeypatch, tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": [1]}).write_parquet(path)
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        assert read("-", format="parquet").rows == [{"id": 1}]
        assert not file.closed


def test_fingerprint_of_unreadable_file_raises(folder, monkeypatch):
    source = open_path(folder / "a.csv")

    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "_open", lambda _: Broken())
    with pytest.raises(SourceError, match=r"a\.csv cannot be read: Input/output"):
        source.fingerprint()


@pytest.mark.parametrize("pack", [None, gzip.compress])
@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_batches_of_file_do_not_depend_on_reading_speed(
    tmp_path, monkeypatch, name, pack
):
    lines = [b'{"id": %d}\n' % n for n in range(10)]
    if name == "x.ndjson":
        lines[8] = b'{"id":\n'
    text = b"".join(lines)
    path = tmp_path / (f"{name}.gz" if pack else name)
    path.write_bytes(pack(text) if pack else text)
    at_once = [batch.height for batch in open_path(path, chunk_rows=4)]
    clock = itertools.count(0, 100)
    monkeypatch.setattr(row_batches.time, "monotonic", lambda: next(clock))
    source = open_path(path, chunk_rows=4)
    assert source.rereadable
    assert [batch.height for batch in source] == at_once
    assert len(at_once) == 3


def test_file_changed_while_read_is_noted_as_incomplete(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(1000)))
    source = open_path(path, chunk_bytes=100)
    batches = iter(source)
    next(batches)
    with path.open("a") as file:
        file.write("1000\n")
    assert list(batches)
    (note,) = source.notes
    assert note.startswith(f"{path} was changed while it was being read")
    # so that a replace does not drop the rows that are missing
    assert note.startswith(source.incomplete)
    assert source.incomplete


def test_file_replaced_while_read_is_read_to_its_end(tmp_path):
    path, other = tmp_path / "homes.csv", tmp_path / "new.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(1000)))
    other.write_text("id\n0\n")
    source = open_path(path, chunk_bytes=100)
    batches = iter(source)
    rows = next(batches).height
    other.replace(path)
    assert rows + sum(batch.height for batch in batches) == 1000
    assert source.notes == ()
    assert source.incomplete == ""
