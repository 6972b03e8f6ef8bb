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


def test_lanes_get_ready_while_the_first_rows_are_prepared(make):
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

    pipeline, table = make(MemorySource(rows(20)), writing=writing)
    fit = pipeline._fit

    def fit_once(joined):
        fitted = fit(joined)
        prepare = fitted.prepare

        def prepare_when_ready(*given, **told):
            if not writers:
                for _ in range(fitted.lanes):
                    assert ready.acquire(timeout=20)
            return prepare(*given, **told)

        fitted.prepare = prepare_when_ready
        return fitted

    pipeline._fit = fit_once
    pipeline.run()
    assert len(table.rows) == 20
    assert sorted(writer.lane for writer in writers) == [0, 1]


class Turning:
    """Rows of two kinds, of which the second takes other lanes."""

    def __init__(self, *batches):
        self._batches = batches

    def __iter__(self):
        for number, batch in enumerate(self._batches):
            column = {"other": 1} if number % 2 else {}
            yield from MemorySource([{**row, **column} for row in batch])


def turn(pipeline):
    """Let the second kind of rows have a routing of its own."""
    fit = pipeline._fit

    def fit_by_kind(joined):
        together = "other" in joined.parts[0].rows.schema.names
        return replace(fit(joined), routing=Routing(together))

    pipeline._fit = fit_by_kind


class PartlyUnread:
    """Rows, with batches between them of which none could be read."""

    def __iter__(self):
        faults = tuple(UnreadRow(n, "?", "json", "no JSON") for n in range(3))
        nothing = pa.record_batch({})
        for batch in MemorySource(rows(14), 7):
            yield Batch(nothing, "memory", 1, unread=faults)
            yield batch


@dataclass
class Entered(Fitted):
    """Enters batches without a row; it takes no lane."""

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


def test_batches_of_which_no_row_could_be_read_are_entered_by_every_lane(make):
    below = []
    pipeline, table = make(PartlyUnread(), committed=below.append)
    fit, asked = pipeline._fit, []

    def fit_by_kind(joined):
        asked.append(joined.height)
        return fit(joined) if joined.height else Entered(table, 2)

    pipeline._fit = fit_by_kind
    pipeline.run()
    pieces = sorted((piece.batch, piece.lane) for piece in table.pieces)
    assert pieces == [(batch, lane) for batch in range(4) for lane in range(2)]
    assert counts(pipeline, all_read=True).rejected == 6
    assert max(below) == 20
    # what is said of them says nothing of rows that come later
    assert asked == [0, 7, 0]


def heard_waiting(pipeline):
    """Return an event that is set when the pipeline waits for its lanes."""
    waits, wait = threading.Event(), pipeline.tally.wait_idle

    def wait_idle(seconds):
        waits.set()
        return wait(seconds)

    pipeline.tally.wait_idle = wait_idle
    return waits


def test_rows_that_take_other_lanes_come_when_all_before_are_committed(make):
    heard = []

    class Slow(MemoryWriter):
        def write(self, piece):
            if piece.batch == 2 and self.lane == 1:
                assert heard[0].wait(20)
            return super().write(piece)

    def writing(writer, _on_rejected):
        return Slow(writer.table, writer.lane)

    batches = [rows(6)] * 4
    pipeline, table = make(Turning(*batches), writing=writing)
    turn(pipeline)
    waits, known = heard_waiting(pipeline), pipeline.tally.begin

    def begin(joined, *given, **told):
        if joined.number == 2:
            waits.clear()
            heard.append(waits)
        return known(joined, *given, **told)

    pipeline.tally.begin = begin
    pipeline.run()
    numbers = [piece.batch for piece in table.pieces]
    assert numbers == sorted(numbers) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_lane_that_fails_wakes_a_run_that_waits_for_its_lanes(make, monkeypatch):
    monkeypatch.setattr("propload.pipeline.pipeline.CANCEL_SECONDS", 0.01)
    gone = WriteError("permission denied", table="t")

    class Denied(MemoryWriter):
        def write(self, piece):
            if self.lane == 1:
                assert waits.wait(20)
                raise gone
            return super().write(piece)

    def writing(writer, _on_rejected):
        return Denied(writer.table, writer.lane)

    pipeline, table = make(Turning(rows(6), rows(6)), writing=writing)
    turn(pipeline)
    waits = heard_waiting(pipeline)
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    assert {piece.batch for piece in table.pieces} <= {0}
    assert threads_left() == []


def test_a_run_that_was_told_to_end_before_its_last_piece_has_not_ended_well(
    make, monkeypatch
):
    begun, finishing, release = (threading.Event() for _ in range(3))
    finish = Lane.finish

    def finish_noted(lane):
        finishing.set()
        finish(lane)

    monkeypatch.setattr(Lane, "finish", finish_noted)

    def hold():
        begun.set()
        assert release.wait(10)

    pipeline, table = make(
        MemorySource(rows(14), 7), lanes=1, writing=lambda *given: Held(*given, hold)
    )
    outcome = []
    run = threading.Thread(target=lambda: outcome.append(_error_of(pipeline.run)))
    run.start()
    assert begun.wait(10)
    assert finishing.wait(10)
    end = threading.Thread(target=pipeline.abort, args=(LoadError("now"),))
    end.start()
    assert pipeline._lanes[0]._aborted.wait(10)
    release.set()
    run.join(10)
    end.join(10)
    assert isinstance(outcome[0], LoadError)
    assert len(table.pieces) == 1


def test_what_a_batch_read_and_refused_is_told_of_its_first_lane_alone(make):
    pipeline, table = make(MemorySource(rows(14, bad={3, 8}), 7))
    pipeline.run()
    told = {(one.batch, one.lane): (one.read, one.rejected) for one in table.pieces}
    assert told == {(0, 0): (7, 1), (0, 1): (0, 0), (1, 0): (7, 1), (1, 1): (0, 0)}


@pytest.mark.parametrize("failures", [[], [WriteError("no", table="t")]])
def test_each_lane_closes_its_writer(make, failures):
    writers = []

    def writing(writer, _on_rejected):
        writers.append(writer)
        return writer

    given = {1: failures.copy()}
    pipeline, _ = make(MemorySource(rows(14)), writing=writing, failures=given)
    if failures:
        with pytest.raises(WriteError):
            pipeline.run()
    else:
        pipeline.run()
    assert {writer.lane for writer in writers if writer.closed} == {0, 1}


class Unheard:
    """Hears nothing."""

    on_written = on_rejected = on_retry = staticmethod(lambda *_given: None)


def test_a_lane_that_failed_takes_no_more_and_says_why(make):
    failure, failed = WriteError("permission denied", table="t"), []
    pipeline, table = make(MemorySource(rows(7)), lanes=1)
    pipeline.run()
    lane = Lane(
        0, Unheard(), RetryOptions(1, 1.0), max_bytes=1_000, on_failed=failed.append
    )
    lane.start()
    fitted = Fitted(table, 1, {0: [failure]})
    lane.put(Work(table.pieces[0], fitted))
    lane.join()
    assert failed == [failure]
    with pytest.raises(QueueClosedError) as met:
        lane.put(Work(None, fitted))
    assert met.value.__cause__ is failure


@dataclass
class Held(AroundWriter):
    """A writer whose writes wait; a statement that runs cannot be broken off."""

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
