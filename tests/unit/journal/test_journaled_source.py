"""A source whose rows go through a journal: how it is stopped and closed."""

import errno
import itertools
import os
import threading

import polars as pl
import pyarrow as pa
import pytest

from propload.errors import JournalError
from propload.journal import (
    journaled_source,
    segments,
)
from propload.journal.journaled_source import JournaledSource
from propload.options import SourceOptions
from propload.sources.frames.frame_source import open_frame
from propload.sources.items import ItemSource
from tests.faults.server import wait_until
from tests.unit.journal.batches import batch, ids

pytestmark = pytest.mark.timeout(20)


def test_stopped_source_still_hands_over_the_rows_of_its_batch(make_journal):
    journal = make_journal()
    started, proceed = threading.Event(), threading.Event()
    given_rows = []

    def rows():
        for number in range(1_000_000):
            if number == 10:
                started.set()
                proceed.wait(10)
            given_rows.append(number)
            yield {"id": number}

    options = SourceOptions(chunk_rows=100)
    source = JournaledSource(ItemSource(rows(), options, name="rows"), journal)
    taken = []
    reader = threading.Thread(target=lambda: taken.extend(ids(source)))
    reader.start()
    assert started.wait(10)
    source.stop()
    proceed.set()
    reader.join(10)
    assert taken == given_rows
    assert len(taken) >= 10


def test_rows_held_by_a_blocked_source_are_counted_as_lost(make_journal, monkeypatch):
    monkeypatch.setattr(journaled_source, "HAND_OVER_SECONDS", 0.05)
    monkeypatch.setattr(journaled_source, "WAKE_SECONDS", 0.05)
    journal = make_journal()
    started, never = threading.Event(), threading.Event()

    def rows():
        yield {"id": 1}
        started.set()
        never.wait(10)

    source = ItemSource(rows(), SourceOptions(), name="rows")
    journaled = JournaledSource(source, journal)
    taken = []
    reader = threading.Thread(target=lambda: taken.extend(ids(journaled)))
    reader.start()
    assert started.wait(10)
    journaled.stop()
    reader.join(10)
    journaled.close()
    assert taken == []
    assert journaled.lost_rows == 1
    never.set()


class Sliced:
    """A source that takes 30 rows at once and gives them in three batches."""

    rows_taken = 30

    on_begin = None

    def end_after_current(self):
        """Do nothing: there are no further rows."""

    def __iter__(self):
        if self.on_begin:
            self.on_begin()
        for first in (0, 10, 20):
            yield batch(first, 10)


def test_stopped_source_hands_over_all_rows_that_it_has_taken(make_journal):
    journal = make_journal()
    sliced = Sliced()
    source = JournaledSource(sliced, journal)
    sliced.on_begin = source.stop
    assert ids(source) == list(range(30))


def test_rows_that_the_disk_refuses_are_loaded_from_memory(make_journal, monkeypatch):
    journal = make_journal()
    write = segments.write_all

    def refuse(file, data):
        if b"row 10" in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, data)

    monkeypatch.setattr(segments, "write_all", refuse)
    source = JournaledSource(Sliced(), journal)
    taken = []
    with pytest.raises(JournalError, match="No space left"):
        taken.extend(source)
    assert ids(taken) == list(range(30))
    assert source.lost_rows == 20
    journal.note_committed(30)
    assert source.lost_rows == 0


def test_source_of_a_failed_run_ends_with_its_rows_in_the_journal(
    make_journal, monkeypatch
):
    # waiting longer would not help: a source that waits for room hands over nothing
    monkeypatch.setattr(journaled_source, "HAND_OVER_SECONDS", 0.01)
    journal = make_journal(max_bytes=2_000)
    given_rows = []

    def rows():
        for number in range(1_000_000):
            given_rows.append(number)
            yield {"id": number}

    generator = rows()
    options = SourceOptions(chunk_rows=100)
    source = JournaledSource(ItemSource(generator, options, name="rows"), journal)
    following = iter(source)
    next(following)
    wait_until(lambda: journal.is_full, seconds=10)
    source.close()
    assert not source.is_producing()
    assert journal.rows == len(given_rows)
    assert source.lost_rows == 0
    # its caller may continue to use it
    assert next(generator) == {"id": len(given_rows) - 1}


def frames():
    while True:
        yield pl.DataFrame({"id": range(100)})


def reader():
    rows = pa.record_batch({"id": pa.array(range(100))})
    return pa.RecordBatchReader.from_batches(rows.schema, itertools.repeat(rows))


@pytest.mark.parametrize(
    "source",
    [
        ItemSource(frames(), SourceOptions(chunk_rows=10), name="frames"),
        open_frame(reader(), SourceOptions(chunk_rows=10)),
    ],
    ids=["frames", "reader"],
)
def test_stop_still_hands_over_the_whole_frame(make_journal, monkeypatch, source):
    """A frame gives many batches, and nobody else has the rest of its rows."""
    journal = make_journal()
    journaled = JournaledSource(source, journal)
    append = journal.append

    def stop_and_append(batch, **keywords):
        if not journal.rows:
            journaled.stop()
        append(batch, **keywords)

    monkeypatch.setattr(journal, "append", stop_and_append)
    assert ids(journaled) == list(range(100))
