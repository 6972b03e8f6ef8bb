"""What a loader that fell behind finds where somebody changed the files."""

from __future__ import annotations

import os

import pytest

from propload.errors import JournalError
from propload.journal import Journal, JournalOptions
from propload.journal.reading import PendingRecord, RecordReader
from propload.options import SourceOptions
from propload.sources import open_source


@pytest.fixture
def entries(tmp_path):
    """Two records of one file, as the journal keeps them."""
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


def ids(record):
    return record.batch.rows["id"].to_pylist()


def test_records_are_read_in_any_order(entries):
    reader = RecordReader()
    found = [ids(reader.read(entry)) for entry in (*entries, *reversed(entries))]
    reader.close()
    assert found == [[0], [1], [1], [0]]


@pytest.mark.parametrize(
    ("left", "why"),
    [(0, "the file ends there"), (3, "head is cut"), (-1, "is cut or damaged")],
)
def test_a_file_that_was_cut_is_told_with_what_to_do(entries, left, why, tmp_path):
    first, last = entries
    os.truncate(last.path, last.offset + (left if left >= 0 else last.size + left))
    reader = RecordReader()
    assert ids(reader.read(first)) == [0]
    with pytest.raises(JournalError, match=why) as raised:
        reader.read(last)
    reader.close()
    told = str(raised.value)
    assert f"{last.path} cannot be read from byte {last.offset} on" in told
    recover = f"propload recover run-1 --state-dir {tmp_path.parent}, and"
    assert f"Load what comes before it with {recover}" in told


def test_a_file_that_is_gone_is_told_with_what_to_do(entries):
    entries[0].path.unlink()
    with pytest.raises(JournalError, match=r"No such file.*propload recover") as raised:
        RecordReader().read(entries[0])
    assert isinstance(raised.value.__cause__, FileNotFoundError)
