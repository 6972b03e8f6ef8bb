"""Which lane takes which rows, and when."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
import pytest

from propload.batch import (
    Batch,
    Deduped,
    no_reasons,
)
from propload.batch import Unread as UnreadRow
from propload.errors import (
    LoadError,
    QueueClosedError,
    WriteError,
)
from propload.pipeline.lanes import Lane, Work
from propload.pipeline.stages import Routing
from propload.prepare.preparing import Prepared
from propload.report import Counts
from propload.retrying import RetryOptions
from propload.target import Written
from propload.testing import MemorySource
from tests.unit.pipeline.doubles import AroundWriter, MemoryWriter
from tests.unit.pipeline.running import Fitted, counts, rows, threads_left

pytestmark = pytest.mark.timeout(30)


def test_lanes_get_ready_while_the_first_rows_are_prepared(make_pipeline):
    ready = threading.Semaphore(0)
    writers = []

    class Readying(MemoryWriter):
        def get_ready(self):
            assert not self.table.pieces
            super().get_ready()
            writers.append(self)
            ready.release()

        def write(self, piece):
            assert self.is_ready
            return super().write(piece)

    def writing(writer, _on_rejected):
        return Readying(writer.table, writer.lane)

    pipeline, table = make_pipeline(MemorySource(rows(20)), writing=writing)
    fit = pipeline._fit

    def fit_once(joined):
        fitted = fit(joined)
        prepare = fitted.prepare

        def prepare_when_ready(*arguments, **keywords):
            if not writers:
                for _ in range(fitted.lanes):
                    assert ready.acquire(timeout=20)
            return prepare(*arguments, **keywords)

        fitted.prepare = prepare_when_ready
        return fitted

    pipeline._fit = fit_once
    pipeline.run()
    assert len(table.rows) == 20
    assert sorted(writer.lane for writer in writers) == [0, 1]


class AlternatingRows:
    """Batches without and with a second column, in turn."""

    def __init__(self, *batches):
        self._batches = batches

    def __iter__(self):
        for number, batch in enumerate(self._batches):
            column = {"other": 1} if number % 2 else {}
            yield from MemorySource([{**row, **column} for row in batch])


def route_by_columns(pipeline):
    """Give rows with the second column a routing of their own."""
    fit = pipeline._fit

    def fit_by_columns(joined):
        together = "other" in joined.parts[0].rows.schema.names
        return replace(fit(joined), routing=Routing(together))

    pipeline._fit = fit_by_columns


class PartlyUnread:
    """Batches of rows, each after a batch of which no row could be read."""

    def __iter__(self):
        faults = tuple(UnreadRow(n, "?", "json", "no JSON") for n in range(3))
        nothing = pa.record_batch({})
        for batch in MemorySource(rows(14), 7):
            yield Batch(nothing, "memory", 1, unread=faults)
            yield batch


@dataclass
class FittedWithoutRows(Fitted):
    """A double for batches without rows: every lane enters them in the ledger."""

    routing: None = None

    def prepare(self, joined, *, together=None):
        assert not joined.height
        return Prepared([Deduped(())] * self.lanes, no_reasons())

    def open_writer(self, lane, on_rejected):
        return PieceCommitter(self.table, lane)


class PieceCommitter(MemoryWriter):
    def write(self, piece):
        self.table.pieces.append(piece)
        return Written(Counts(), no_reasons())


def test_batches_without_readable_rows_are_entered_by_every_lane(make_pipeline):
    below = []
    pipeline, table = make_pipeline(PartlyUnread(), committed=below.append)
    fit, heights = pipeline._fit, []

    def fit_by_height(joined):
        heights.append(joined.height)
        return fit(joined) if joined.height else FittedWithoutRows(table, 2)

    pipeline._fit = fit_by_height
    pipeline.run()
    pieces = sorted((piece.batch, piece.lane) for piece in table.pieces)
    assert pieces == [(batch, lane) for batch in range(4) for lane in range(2)]
    assert counts(pipeline, all_read=True).rejected == 6
    assert max(below) == 20
    # the fit of a batch without rows is not used for later rows
    assert heights == [0, 7, 0]


def event_of_waiting(pipeline):
    """Return an event that is set when the pipeline waits for its lanes."""
    waits, wait = threading.Event(), pipeline.tally.wait_idle

    def wait_idle(seconds):
        waits.set()
        return wait(seconds)

    pipeline.tally.wait_idle = wait_idle
    return waits


def test_rows_with_another_routing_wait_until_earlier_ones_commit(make_pipeline):
    events = []

    class Slow(MemoryWriter):
        def write(self, piece):
            if piece.batch == 2 and self.lane == 1:
                assert events[0].wait(20)
            return super().write(piece)

    def writing(writer, _on_rejected):
        return Slow(writer.table, writer.lane)

    batches = [rows(6)] * 4
    pipeline, table = make_pipeline(AlternatingRows(*batches), writing=writing)
    route_by_columns(pipeline)
    waits, begin_tally = event_of_waiting(pipeline), pipeline.tally.begin

    def begin(joined, *arguments, **keywords):
        if joined.number == 2:
            waits.clear()
            events.append(waits)
        return begin_tally(joined, *arguments, **keywords)

    pipeline.tally.begin = begin
    pipeline.run()
    numbers = [piece.batch for piece in table.pieces]
    assert numbers == sorted(numbers) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_failed_lane_wakes_a_run_that_waits_for_its_lanes(make_pipeline, monkeypatch):
    monkeypatch.setattr("propload.pipeline.pipeline.CANCEL_SECONDS", 0.01)
    denied = WriteError("permission denied", table="t")

    class Denied(MemoryWriter):
        def write(self, piece):
            if self.lane == 1:
                assert waits.wait(20)
                raise denied
            return super().write(piece)

    def writing(writer, _on_rejected):
        return Denied(writer.table, writer.lane)

    pipeline, table = make_pipeline(AlternatingRows(rows(6), rows(6)), writing=writing)
    route_by_columns(pipeline)
    waits = event_of_waiting(pipeline)
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    assert {piece.batch for piece in table.pieces} <= {0}
    assert threads_left() == []


def test_abort_before_the_last_piece_ends_the_run_with_an_error(
    make_pipeline, monkeypatch
):
    begun_writing, finishing, release = (threading.Event() for _ in range(3))
    finish = Lane.finish

    def finish_and_signal(lane):
        finishing.set()
        finish(lane)

    monkeypatch.setattr(Lane, "finish", finish_and_signal)

    def hold():
        begun_writing.set()
        assert release.wait(10)

    pipeline, table = make_pipeline(
        MemorySource(rows(14), 7),
        lanes=1,
        writing=lambda *arguments: BlockedWriter(*arguments, hold),
    )
    outcome = []
    run = threading.Thread(target=lambda: outcome.append(_error_of(pipeline.run)))
    run.start()
    assert begun_writing.wait(10)
    assert finishing.wait(10)
    end = threading.Thread(target=pipeline.abort, args=(LoadError("now"),))
    end.start()
    assert pipeline._lanes[0]._aborted.wait(10)
    release.set()
    run.join(10)
    end.join(10)
    assert isinstance(outcome[0], LoadError)
    assert len(table.pieces) == 1


def test_rows_read_and_rejected_are_counted_by_the_first_lane_only(make_pipeline):
    pipeline, table = make_pipeline(MemorySource(rows(14, bad={3, 8}), 7))
    pipeline.run()
    counted = {(one.batch, one.lane): (one.read, one.rejected) for one in table.pieces}
    assert counted == {(0, 0): (7, 1), (0, 1): (0, 0), (1, 0): (7, 1), (1, 1): (0, 0)}


@pytest.mark.parametrize("failures", [[], [WriteError("no", table="t")]])
def test_each_lane_closes_its_writer(make_pipeline, failures):
    writers = []

    def writing(writer, _on_rejected):
        writers.append(writer)
        return writer

    failures_by_lane = {1: failures.copy()}
    pipeline, _ = make_pipeline(
        MemorySource(rows(14)), writing=writing, failures=failures_by_lane
    )
    if failures:
        with pytest.raises(WriteError):
            pipeline.run()
    else:
        pipeline.run()
    assert {writer.lane for writer in writers if writer.closed} == {0, 1}


class IgnoringObserver:
    """An observer that ignores everything."""

    on_written = on_rejected = on_retry = staticmethod(lambda *_given: None)


def test_failed_lane_refuses_more_work_and_names_its_error(make_pipeline):
    failure, failed = WriteError("permission denied", table="t"), []
    pipeline, table = make_pipeline(MemorySource(rows(7)), lanes=1)
    pipeline.run()
    lane = Lane(
        0,
        IgnoringObserver(),
        RetryOptions(1, 1.0),
        max_bytes=1_000,
        on_failed=failed.append,
    )
    lane.start()
    fitted = Fitted(table, 1, {0: [failure]})
    lane.put(Work(table.pieces[0], fitted))
    lane.join()
    assert failed == [failure]
    with pytest.raises(QueueClosedError) as raised:
        lane.put(Work(None, fitted))
    assert raised.value.__cause__ is failure


def test_lane_that_ends_by_itself_does_not_wait_for_a_request_to_cancel(make_pipeline):
    """Over a dead line such a request takes longer to fail than the statement."""
    asked, answered = threading.Event(), threading.Event()

    class Unreachable(AroundWriter):
        def write(self, piece):
            asked.wait()
            raise WriteError(str(piece.batch))

        def cancel(self):
            asked.set()
            answered.wait()

    pipeline, table = make_pipeline(MemorySource(rows(7)), lanes=1)
    pipeline.run()
    ended = []
    lane = Lane(
        0,
        IgnoringObserver(),
        RetryOptions(1, 1.0),
        max_bytes=1_000,
        on_failed=ended.append,
    )
    lane.put(Work(table.pieces[0], Fitted(table, 1, writing=Unreachable)))
    lane.start()
    while lane.fill:
        threading.Event().wait(0.001)
    lane.abort(LoadError("another lane has failed"))
    try:
        lane.join()
        assert [type(error) for error in ended] == [WriteError]
    finally:
        answered.set()


@dataclass
class BlockedWriter(AroundWriter):
    """A writer whose writes wait and cannot be cancelled."""

    hold: Callable

    def write(self, piece):
        self.hold()
        return self.writer.write(piece)

    def cancel(self):
        pass


def _error_of(action):
    try:
        action()
    except LoadError as error:
        return error
    return None
