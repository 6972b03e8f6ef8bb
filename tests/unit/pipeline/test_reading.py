import threading

import pytest

from propload.errors import QueueClosedError, SourceError
from propload.pipeline.reading import Reader
from propload.testing import MemorySource

pytestmark = pytest.mark.timeout(30)

ROWS = [{"id": n} for n in range(10)]


def ids(reader):
    return [n for batch in reader.batches for n in batch.rows.column("id").to_pylist()]


def test_all_is_read_before_anybody_asks_where_there_is_room():
    read = threading.Event()

    def source():
        yield from MemorySource(ROWS, 3)
        read.set()

    reader = Reader(source(), max_bytes=10_000)
    assert not read.is_set()
    reader.start()
    assert read.wait(20)
    assert reader.fill > 0
    assert ids(reader) == list(range(10))
    assert reader.error is None


def test_a_second_start_reads_nothing_twice():
    reader = Reader(MemorySource(ROWS, 3), max_bytes=10_000)
    reader.start()
    reader.start()
    assert ids(reader) == list(range(10))


def test_no_more_is_read_than_there_is_room_for():
    taken = []

    def source():
        for batch in MemorySource(ROWS, 1):
            taken.append(batch)
            yield batch

    reader = Reader(source(), max_bytes=1)
    reader.start()
    first = reader.batches.get(timeout=20)
    assert first.rows.column("id").to_pylist() == [0]
    # one waits in the queue, one in the reader's hand
    assert len(taken) <= 3
    assert ids(reader) == list(range(1, 10))


def test_what_was_read_before_a_failure_can_still_be_taken():
    def source():
        yield from MemorySource(ROWS, 5)
        msg = "torn"
        raise SourceError(msg)

    reader = Reader(source(), max_bytes=10_000)
    reader.start()
    assert ids(reader) == list(range(10))
    assert isinstance(reader.error, SourceError)


def test_stop_reads_no_more_and_leaves_what_was_read():
    begun = threading.Event()
    go_on = threading.Event()

    def source():
        for number, batch in enumerate(MemorySource(ROWS, 1)):
            if number == 2:
                begun.set()
                assert go_on.wait(20)
            yield batch

    reader = Reader(source(), max_bytes=10_000)
    reader.start()
    assert begun.wait(20)
    reader.stop()
    go_on.set()
    assert ids(reader) == [0, 1]


def test_an_error_drops_what_was_read_and_wakes_both_sides():
    reader = Reader(MemorySource(ROWS, 1), max_bytes=1)
    reader.start()
    reader.close(ZeroDivisionError())
    with pytest.raises(QueueClosedError):
        reader.batches.get(timeout=20)
    reader.close(ValueError())


def test_who_ends_a_reader_waits_for_the_batch_that_is_being_read_alone():
    begun, told, taken = threading.Event(), threading.Event(), []

    def source():
        for batch in MemorySource(ROWS, 1):
            begun.set()
            assert told.wait(20)
            taken.append(batch)
            yield batch

    reader = Reader(source(), max_bytes=10_000)
    reader.start()
    assert begun.wait(20)
    stop = reader.stop

    def stop_noted():
        stop()
        told.set()

    reader.stop = stop_noted
    reader.end()
    assert len(taken) == 1
