import threading

import pytest

from propload.errors import QueueClosedError, SourceError
from propload.pipeline.reading import Reader
from propload.testing import MemorySource

pytestmark = pytest.mark.timeout(30)

ROWS = [{"id": n} for n in range(10)]


def ids(reader):
    return [n for batch in reader.batches for n in batch.rows.column("id").to_pylist()]


def test_started_reader_reads_ahead_while_there_is_room():
    all_read = threading.Event()

    def source():
        yield from MemorySource(ROWS, 3)
        all_read.set()

    reader = Reader(source(), max_bytes=10_000)
    assert not all_read.is_set()
    reader.start()
    assert all_read.wait(20)
    assert reader.fill > 0
    assert ids(reader) == list(range(10))
    assert reader.error is None


def test_second_start_reads_nothing_twice():
    reader = Reader(MemorySource(ROWS, 3), max_bytes=10_000)
    reader.start()
    reader.start()
    assert ids(reader) == list(range(10))


def test_reader_waits_while_its_queue_is_full():
    taken = []

    def source():
        for batch in MemorySource(ROWS, 1):
            taken.append(batch)
            yield batch

    reader = Reader(source(), max_bytes=1)
    reader.start()
    first = reader.batches.get(timeout=20)
    assert first.rows.column("id").to_pylist() == [0]
    # one batch is in the queue, and the reader holds another
    assert len(taken) <= 3
    assert ids(reader) == list(range(1, 10))


def test_rows_read_before_a_failure_can_still_be_taken():
    def source():
        yield from MemorySource(ROWS, 5)
        msg = "torn"
        raise SourceError(msg)

    reader = Reader(source(), max_bytes=10_000)
    reader.start()
    assert ids(reader) == list(range(10))
    assert isinstance(reader.error, SourceError)


def test_stop_ends_reading_and_keeps_what_was_read():
    reading = threading.Event()
    proceed = threading.Event()

    def source():
        for number, batch in enumerate(MemorySource(ROWS, 1)):
            if number == 2:
                reading.set()
                assert proceed.wait(20)
            yield batch

    reader = Reader(source(), max_bytes=10_000)
    reader.start()
    assert reading.wait(20)
    reader.stop()
    proceed.set()
    assert ids(reader) == [0, 1]


def test_close_with_an_error_drops_what_was_read():
    reader = Reader(MemorySource(ROWS, 1), max_bytes=1)
    reader.start()
    reader.close(ZeroDivisionError())
    with pytest.raises(QueueClosedError):
        reader.batches.get(timeout=20)
    reader.close(ValueError())


def test_end_waits_only_for_the_batch_that_is_being_read():
    reading, stopped, taken = threading.Event(), threading.Event(), []

    def source():
        for batch in MemorySource(ROWS, 1):
            reading.set()
            assert stopped.wait(20)
            taken.append(batch)
            yield batch

    reader = Reader(source(), max_bytes=10_000)
    reader.start()
    assert reading.wait(20)
    stop = reader.stop

    def stop_and_signal():
        stop()
        stopped.set()

    reader.stop = stop_and_signal
    reader.end()
    assert len(taken) == 1
