"""A source whose rows go through a journal, and its end."""

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


def test_rows_that_a_source_has_begun_to_give_are_taken_when_it_is_stopped(make):
    journal = make()
    begun, go_on = threading.Event(), threading.Event()
    given_rows = []

    def rows():
        for number in range(1_000_000):
            if number == 10:
                begun.set()
                go_on.wait(10)
            given_rows.append(number)
            yield {"id": number}

    options = SourceOptions(chunk_rows=100)
    source = JournaledSource(ItemSource(rows(), options, name="rows"), journal)
    taken = []
    reader = threading.Thread(target=lambda: taken.extend(ids(source)))
    reader.start()
    assert begun.wait(10)
    source.stop()
    go_on.set()
    reader.join(10)
    assert taken == given_rows
    assert len(taken) >= 10


def test_a_source_that_waits_is_left_and_what_it_holds_is_told(make, monkeypatch):
    monkeypatch.setattr(journaled_source, "HAND_OVER_SECONDS", 0.05)
    monkeypatch.setattr(journaled_source, "WAKE_SECONDS", 0.05)
    journal = make()
    begun, never = threading.Event(), threading.Event()

    def rows():
        yield {"id": 1}
        begun.set()
        never.wait(10)

    source = ItemSource(rows(), SourceOptions(), name="rows")
    journaled = JournaledSource(source, journal)
    taken = []
    reader = threading.Thread(target=lambda: taken.extend(ids(journaled)))
    reader.start()
    assert begun.wait(10)
    journaled.stop()
    reader.join(10)
    journaled.close()
    assert taken == []
    assert journaled.lost_rows == 1
    never.set()


class Sliced:
    """Gives three batches of rows that it has taken at once."""

    rows_taken = 30

    begun = None

    def end_after_current(self):
        """End after those: there are no others."""

    def __iter__(self):
        if self.begun:
            self.begun()
        for first in (0, 10, 20):
            yield batch(first, 10)


def test_a_source_that_is_stopped_hands_over_all_that_it_took(make):
    journal = make()
    sliced = Sliced()
    source = JournaledSource(sliced, journal)
    sliced.begun = source.stop
    assert ids(source) == list(range(30))


def test_what_a_disk_refuses_is_loaded_from_memory_to_its_last_row(make, monkeypatch):
    journal = make()
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


def test_a_source_whose_run_failed_is_left_with_its_rows_in_the_journal(
    make, monkeypatch
):
    # one that waits for room hands over nothing more, however long it is given
    monkeypatch.setattr(journaled_source, "HAND_OVER_SECONDS", 0.01)
    journal = make(max_bytes=2_000)
    given = []

    def rows():
        for number in range(1_000_000):
            given.append(number)
            yield {"id": number}

    generator = rows()
    options = SourceOptions(chunk_rows=100)
    source = JournaledSource(ItemSource(generator, options, name="rows"), journal)
    following = iter(source)
    next(following)
    wait_until(lambda: journal.is_full, seconds=10)
    source.close()
    assert not source.is_producing()
    assert journal.rows == len(given)
    assert source.lost_rows == 0
    # its caller may go on with it
    assert next(generator) == {"id": len(given) - 1}


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
def test_a_frame_that_was_taken_is_kept_to_its_last_row(make, monkeypatch, source):
    """It is many batches, and nobody else has its other rows."""
    journal = make()
    journaled = JournaledSource(source, journal)
    append = journal.append

    def stop_and_append(batch, **told):
        if not journal.rows:
            journaled.stop()
        append(batch, **told)

    monkeypatch.setattr(journal, "append", stop_and_append)
    assert ids(journaled) == list(range(100))
