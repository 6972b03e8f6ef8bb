"""Transient and permanent failures while a pipeline runs."""

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


def test_failed_write_ends_a_run_with_an_endless_source(make_pipeline):
    class Endless:
        def __iter__(self):
            while True:
                yield from MemorySource(rows(10))

    denied = WriteError("permission denied", table="t")
    pipeline, _ = make_pipeline(Endless(), failures={1: [denied]})
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    counts(pipeline)
    assert [name for name in threads_left() if "lane" in name] == []


def test_sigint_that_polars_catches_in_a_lane_is_a_load_error(make_pipeline):
    pipeline, _ = make_pipeline(
        MemorySource(rows(10)), failures={1: [KeyboardInterrupt("")]}
    )
    with pytest.raises(LoadError, match="SIGINT interrupted Polars") as caught:
        pipeline.run()
    assert isinstance(caught.value.__cause__, KeyboardInterrupt)
    assert threads_left() == []


@pytest.mark.parametrize("in_thread", [True, False])
def test_sigint_that_polars_catches_is_ctrl_c_only_in_the_main_thread(
    make_pipeline, monkeypatch, in_thread
):
    def prepare(*_, **__):
        raise KeyboardInterrupt("")

    monkeypatch.setattr(Fitted, "prepare", prepare)
    pipeline, _ = make_pipeline(MemorySource(rows(10)))
    raised = []

    def run():
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001 - examined below
            raised.append(type(error))

    if in_thread:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    # in the main thread it is Ctrl-C, not an error of the run
    assert raised == [LoadError if in_thread else KeyboardInterrupt]


def test_failed_write_ends_a_run_that_waits_for_its_source(make_pipeline):
    waiting, release = threading.Event(), threading.Event()
    waited_out = []

    class Slow:
        def __iter__(self):
            # a single batch, so that no later one can meet the failed lane
            yield from MemorySource(rows(2))
            waiting.set()
            waited_out.append(not release.wait(20))

    class DeniedWriter(MemoryWriter):
        def write(self, piece):
            assert waiting.wait(20)
            msg = "permission denied"
            raise WriteError(msg, table="t")

    def writing(writer, _on_rejected):
        return DeniedWriter(writer.table, writer.lane)

    pipeline, _ = make_pipeline(Slow(), writing=writing)
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    # the source is still waiting
    assert waited_out == []
    release.set()


def test_transient_failure_is_retried_without_changing_the_order(make_pipeline):
    failure = TransientWriteError("connection lost")
    pipeline, table = make_pipeline(
        MemorySource(rows(30)), failures={0: [failure, failure]}
    )
    pipeline.run()
    assert pipeline.metrics.snapshot().retries == 2
    assert counts(pipeline).inserted == 30
    numbers = [piece.batch for piece in table.pieces if piece.lane == 0]
    assert numbers == sorted(numbers)


def test_transient_failure_that_persists_ends_the_run(make_pipeline):
    failures = [TransientWriteError(f"attempt {n}") for n in range(9)]
    pipeline, _ = make_pipeline(MemorySource(rows(30)), failures={0: failures})
    with pytest.raises(TransientWriteError, match="attempt 2"):
        pipeline.run()


@pytest.mark.parametrize("reading", [True, False])
def test_permanent_failure_of_a_lane_ends_the_retries_of_another(
    make_pipeline, reading
):
    tries, away = threading.Event(), TransientWriteError("the server is away")

    class Failures(list):
        """Endless transient failures of the first lane."""

        def __bool__(self):
            return True

        def pop(self, _place):
            tries.set()
            return away

    class Denied(list):
        """A permanent failure of the second lane while the first one retries."""

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

    # if it were not told, the first lane would outlast the test's timeout
    pipeline, _ = make_pipeline(
        Source(),
        failures={0: Failures(), 1: Denied()},
        retries=RetryOptions(10**6, 10**6),
    )
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    assert [name for name in threads_left() if "lane" in name] == []


def test_run_that_cannot_start_a_thread_leaves_none_running(make_pipeline, monkeypatch):
    pipeline, _ = make_pipeline(MemorySource(rows(5)), lanes=3)
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


def server_reasons(layer, check):
    """Return the reasons of a server that rejects the first row of a layer."""
    return reason_lines(
        layer.head(1),
        stage="database",
        column="id",
        check=check,
        message=pl.lit("refused by the server"),
    )


class RejectsOnceWriter(AroundWriter):
    """Reports a rejected row and fails; at the second attempt it rejects none."""

    def write(self, piece):
        layer = piece.rows.layers[0]
        reasons = server_reasons(layer, "known")
        again = not self.writer.failures
        self.on_rejected(piece, reasons.clear() if again else reasons)
        return self.writer.write(piece)


def test_row_accepted_at_the_second_attempt_is_not_kept_as_rejected(
    make_pipeline, tmp_path
):
    failures = {0: [TransientWriteError("line lost after the refusal")]}
    pipeline, table = make_pipeline(
        MemorySource(rows(5)), lanes=1, failures=failures, writing=RejectsOnceWriter
    )
    pipeline.run()
    assert counts(pipeline).rejected == 0
    assert len(table.rows) == 5
    assert RejectStore(tmp_path / "rejects").runs() == []


class RejectsFirstRowWriter(AroundWriter):
    """Rejects the first row of each piece before the others are written."""

    def write(self, piece):
        layer = piece.rows.layers[0]
        reasons = server_reasons(layer, "positive")
        self.on_rejected(piece, reasons)
        written = self.writer.write(replace(piece, rows=Deduped((layer.slice(1),))))
        return Written(replace(written.counts, rejected=1), reasons)


def test_row_rejected_at_both_attempts_is_kept_once(make_pipeline, tmp_path):
    failures = {0: [TransientWriteError("line lost after the refusal")]}
    source = MemorySource(rows(5))
    pipeline, _ = make_pipeline(
        source, lanes=1, failures=failures, writing=RejectsFirstRowWriter
    )
    pipeline.run()
    assert counts(pipeline).rejected == 1
    assert read_rejects(tmp_path / "rejects" / "run0.ndjson").height == 1


def test_queue_closed_error_of_a_callback_ends_the_run(make_pipeline):
    def committed(_row):
        msg = "a queue of the program's own"
        raise QueueClosedError(msg)

    pipeline, _ = make_pipeline(MemorySource(rows(50)), lanes=1, committed=committed)
    with pytest.raises(QueueClosedError, match="of the program's own"):
        pipeline.run()
