"""What fails while a pipeline runs, for a moment or for good."""

import threading
from dataclasses import replace

import polars as pl
import pytest

from propload.batch import (
    Deduped,
    reason_lines,
)
from propload.errors import (
    LoadError,
    PropLoadError,
    QueueClosedError,
    TransientWriteError,
    WriteError,
)
from propload.rejecting import RejectStore
from propload.rejecting.reading import read_rejects
from propload.retrying import RetryOptions
from propload.target import Written
from propload.testing import MemorySource
from tests.unit.pipeline.doubles import AroundWriter, MemoryWriter
from tests.unit.pipeline.running import Fitted, counts, rows, threads_left

pytestmark = pytest.mark.timeout(30)


def test_a_failed_write_wakes_a_source_that_never_ends(make):
    class Endless:
        def __iter__(self):
            while True:
                yield from MemorySource(rows(10))

    gone = WriteError("permission denied", table="t")
    pipeline, _ = make(Endless(), failures={1: [gone]})
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    counts(pipeline)
    assert [name for name in threads_left() if "lane" in name] == []


def test_polars_that_hears_a_signal_in_a_lane_ends_the_run_with_a_reason(make):
    pipeline, _ = make(MemorySource(rows(10)), failures={1: [KeyboardInterrupt("")]})
    with pytest.raises(LoadError, match="SIGINT interrupted Polars") as caught:
        pipeline.run()
    assert isinstance(caught.value.__cause__, KeyboardInterrupt)
    assert threads_left() == []


@pytest.mark.parametrize("in_thread", [True, False])
def test_polars_that_hears_a_signal_while_it_prepares(make, monkeypatch, in_thread):
    def prepare(*_, **__):
        raise KeyboardInterrupt("")

    monkeypatch.setattr(Fitted, "prepare", prepare)
    pipeline, _ = make(MemorySource(rows(10)))
    raised = []

    def run():
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001 - it is looked at
            raised.append(type(error))

    if in_thread:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    # what the main thread hears is Ctrl-C, and no fault
    assert raised == [LoadError if in_thread else KeyboardInterrupt]


def test_a_failed_write_wakes_a_run_that_waits_for_its_source(make):
    waiting, release = threading.Event(), threading.Event()
    waited_out = []

    class Slow:
        def __iter__(self):
            # one batch: no other could meet a lane that has ended
            yield from MemorySource(rows(2))
            waiting.set()
            waited_out.append(not release.wait(20))

    class Denied(MemoryWriter):
        def write(self, piece):
            assert waiting.wait(20)
            msg = "permission denied"
            raise WriteError(msg, table="t")

    def writing(writer, _on_rejected):
        return Denied(writer.table, writer.lane)

    pipeline, _ = make(Slow(), writing=writing)
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    # the source waits still
    assert waited_out == []
    release.set()


def test_a_transient_failure_is_tried_again_in_order(make):
    failure = TransientWriteError("connection lost")
    pipeline, table = make(MemorySource(rows(30)), failures={0: [failure, failure]})
    pipeline.run()
    assert pipeline.metrics.snapshot().retries == 2
    assert counts(pipeline).inserted == 30
    numbers = [piece.batch for piece in table.pieces if piece.lane == 0]
    assert numbers == sorted(numbers)


def test_a_transient_failure_that_stays_ends_the_run(make):
    failures = [TransientWriteError(f"attempt {n}") for n in range(9)]
    pipeline, _ = make(MemorySource(rows(30)), failures={0: failures})
    with pytest.raises(TransientWriteError, match="attempt 2"):
        pipeline.run()


@pytest.mark.parametrize("reading", [True, False])
def test_a_lane_that_failed_for_good_ends_one_that_tries_again(make, reading):
    tries, away = threading.Event(), TransientWriteError("the server is away")

    class Failures(list):
        """The first lane's, which have no end."""

        def __bool__(self):
            return True

        def pop(self, _place):
            tries.set()
            return away

    class Denied(list):
        """The second lane's, which come while the first one tries again."""

        def __bool__(self):
            assert tries.wait(20)
            return True

        def pop(self, _place):
            return WriteError("permission denied", table="t")

    class Source:
        def __iter__(self):
            yield from MemorySource(rows(2))
            while reading:
                yield from MemorySource(rows(10))

    # without the news the first lane would go on for longer than the test may
    pipeline, _ = make(
        Source(),
        failures={0: Failures(), 1: Denied()},
        retries=RetryOptions(10**6, 10**6),
    )
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    assert [name for name in threads_left() if "lane" in name] == []


def test_a_run_that_finds_no_threads_leaves_none(make, monkeypatch):
    pipeline, _ = make(MemorySource(rows(5)), lanes=3)
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "propload-lane-2":
            msg = "can't start new thread"
            raise RuntimeError(msg)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(
        PropLoadError, match="cannot start more threads: raise the limit"
    ):
        pipeline.run()
    assert threads_left() == []


def refused(layer, check):
    """Return the reasons of a server that refuses the first row of some."""
    return reason_lines(
        layer.head(1),
        stage="database",
        column="id",
        check=check,
        message=pl.lit("refused by the server"),
    )


class Undone(AroundWriter):
    """Tells of a rejected row, is undone, and has none to refuse the second time."""

    def write(self, piece):
        layer = piece.rows.layers[0]
        reasons = refused(layer, "known")
        again = not self.writer.failures
        self.on_rejected(piece, reasons.clear() if again else reasons)
        return self.writer.write(piece)


def test_a_row_that_a_second_try_takes_is_kept_in_the_table_alone(make, tmp_path):
    failures = {0: [TransientWriteError("line lost after the refusal")]}
    pipeline, table = make(
        MemorySource(rows(5)), lanes=1, failures=failures, writing=Undone
    )
    pipeline.run()
    assert counts(pipeline).rejected == 0
    assert len(table.rows) == 5
    assert RejectStore(tmp_path / "rejects").runs() == []


class Refusing(AroundWriter):
    """Refuses the first row of each piece, before it is written."""

    def write(self, piece):
        layer = piece.rows.layers[0]
        reasons = refused(layer, "positive")
        self.on_rejected(piece, reasons)
        written = self.writer.write(replace(piece, rows=Deduped((layer.slice(1),))))
        return Written(replace(written.counts, rejected=1), reasons)


def test_a_row_refused_again_by_a_second_try_is_kept_once(make, tmp_path):
    failures = {0: [TransientWriteError("line lost after the refusal")]}
    source = MemorySource(rows(5))
    pipeline, _ = make(source, lanes=1, failures=failures, writing=Refusing)
    pipeline.run()
    assert counts(pipeline).rejected == 1
    assert read_rejects(tmp_path / "rejects" / "run0.ndjson").height == 1


def test_a_queue_of_others_that_is_closed_ends_no_lane_silently(make):
    def committed(_row):
        msg = "a queue of the program's own"
        raise QueueClosedError(msg)

    pipeline, _ = make(MemorySource(rows(50)), lanes=1, committed=committed)
    with pytest.raises(QueueClosedError, match="of the program's own"):
        pipeline.run()
