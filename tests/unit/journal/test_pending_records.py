"""Records that a loader reads back from disk, even if the files were changed."""

from __future__ import annotations

import os

import pytest

from propload.errors import JournalError
from propload.journal import Journal, JournalOptions, segments, writing
from propload.journal.pending_records import PendingRecord, PendingRecords, RecordReader
from propload.options import SourceOptions
from propload.sources import open_source


@pytest.fixture
def entries(tmp_path):
    """Return two pending records of one file."""
    journal = Journal(tmp_path / "run-1", JournalOptions("off", 1 << 20), {})
    ends = []
    for number in range(2):
        (batch,) = open_source([{"id": number}], SourceOptions())
        journal.append(batch)
        (path,) = sorted((tmp_path / "run-1").glob("0*"))
        ends.append(path.stat().st_size)
    journal.close(loaded=False)
    begins = (0, ends[0])
    return [
        PendingRecord(None, path, b, e - b, number)
        for number, (b, e) in enumerate(zip(begins, ends, strict=True), 1)
    ]


def ids(found):
    record, _end = found
    return record.batch.rows["id"].to_pylist()


def test_records_are_read_in_any_order(entries):
    reader = RecordReader()
    found = [ids(reader.read(entry)) for entry in (*entries, *reversed(entries))]
    reader.close()
    assert found == [[0], [1], [1], [0]]


@pytest.mark.parametrize(
    ("left", "cause"),
    [(0, "the file ends there"), (3, "head is cut"), (-1, "is cut or damaged")],
)
def test_error_about_a_truncated_file_says_how_to_recover(
    entries, left, cause, tmp_path
):
    first, last = entries
    os.truncate(last.path, last.offset + (left if left >= 0 else last.size + left))
    reader = RecordReader()
    assert ids(reader.read(first)) == [0]
    with pytest.raises(JournalError, match=cause) as raised:
        reader.read(last)
    reader.close()
    message = str(raised.value)
    assert f"{last.path} cannot be read from byte {last.offset} on" in message
    recover = f"propload recover run-1 --state-dir {tmp_path.parent}, and"
    assert f"Load what comes before it with {recover}" in message


def test_error_about_a_missing_file_says_how_to_recover(entries):
    entries[0].path.unlink()
    with pytest.raises(JournalError, match=r"No such file.*propload recover") as raised:
        RecordReader().read(entries[0])
    assert isinstance(raised.value.__cause__, FileNotFoundError)


def test_records_that_are_only_on_disk_are_remembered_as_one_range(entries, tmp_path):
    waiting = PendingRecords()
    for entry in entries:
        waiting.add(entry)
    assert len(waiting) == 1
    assert (waiting.newest.end, waiting.next_row) == (entries[1].end, 2)
    # a record of the next file, and one that is in memory as well
    waiting.add(PendingRecord(None, tmp_path / "next", 0, 9, 3))
    reader = RecordReader()
    record, _ = reader.read(entries[0])
    waiting.add(PendingRecord(record, tmp_path / "next", 9, 9, 4))
    assert len(waiting) == 3
    for number in range(2):
        found = reader.read(waiting.oldest)
        assert ids(found) == [number]
        waiting.remove_oldest(found[1])
    reader.close()
    assert (waiting.oldest.path, len(waiting)) == (tmp_path / "next", 2)


def test_memory_of_waiting_records_grows_with_files_not_with_rows(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writing, "RECENT_BYTES", 2_000)
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 40_000)
    journal = Journal(tmp_path / "run-1", JournalOptions("off", 1 << 30), {})
    for number in range(500):
        [batch] = open_source([{"id": number}], SourceOptions())
        journal.append(batch)
    files = len(list((tmp_path / "run-1").glob("0*")))
    assert files > 3
    in_memory = 2_000 // 200
    assert len(journal._pending) <= in_memory + files
    journal.finish()
    found = [batch.rows["id"].to_pylist() for batch in journal.follow()]
    assert found == [[number] for number in range(500)]
    journal.close(loaded=True)
