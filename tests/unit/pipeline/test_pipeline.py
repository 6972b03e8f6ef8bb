import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import polars as pl
import pyarrow as pa
import pytest

from propload.batch import (
    Batch,
    Begun,
    Deduped,
    Written,
    join_reasons,
    no_reasons,
    reason_lines,
)
from propload.batch import Unread as UnreadRow
from propload.errors import (
    ConfigError,
    CountsError,
    LoadError,
    QueueClosedError,
    RejectLimitError,
    SchemaMismatchError,
    SourceError,
    TransientWriteError,
    WriteError,
)
from propload.monitoring.metrics import Metrics
from propload.options import RejectLimit
from propload.pipeline.lanes import Lane
from propload.pipeline.pipeline import Pipeline, PipelineOptions
from propload.pipeline.reading import Reader
from propload.pipeline.stages import Routing, Start
from propload.prepare.preparing import Prepared
from propload.rejecting import RejectStore, RejectWriter
from propload.report import Counts
from propload.retrying import RetryOptions
from propload.testing import MemorySource
from tests.unit.pipeline.doubles import MemoryTable, MemoryWriter

pytestmark = pytest.mark.timeout(30)


@dataclass
class Fitted:
    """Refuses rows whose `bad` is true; lane = id modulo lanes."""

    table: MemoryTable
    lanes: int
    failures: dict = field(default_factory=dict)
    writing: Callable | None = None
    routing: Routing = field(default_factory=Routing)

    def prepare(self, joined, *, together=None):
        raw = joined.raw()
        bad = raw.filter(pl.col("bad"))
        reasons = reason_lines(
            bad,
            stage="check",
            column="bad",
            check="is_good",
            value=pl.col("bad").cast(pl.String),
            message=pl.lit("the row is bad"),
        )
        good = raw.filter(~pl.col("bad"))
        lanes = [
            Deduped((good.filter(pl.col("id") % self.lanes == lane),))
            for lane in range(self.lanes)
        ]
        return Prepared(lanes, join_reasons([no_reasons(), reasons]))

    def open_writer(self, lane, on_refused):
        writer = MemoryWriter(self.table, lane, self.failures.pop(lane, []))
        return self.writing(writer, on_refused) if self.writing else writer


@pytest.fixture
def make(tmp_path, monkeypatch):
    # what is waited for is there at once
    monkeypatch.setattr("propload.retrying.FIRST_WAIT", 0.001)
    opened = []

    def make(
        source,
        *,
        lanes=2,
        failures=None,
        committed=None,
        writing=None,
        **options,
    ):
        table = MemoryTable(("id",))
        name = f"run{len(opened)}"
        rejects = RejectWriter(tmp_path / "rejects" / f"{name}.ndjson", name)
        opened.append(rejects)
        fitted = Fitted(table, lanes, failures or {}, writing)
        settings = {
            "batch_rows": lambda: 7,
            "batch_seconds": 0.01,
            "lanes": lanes,
            "lane_bytes": 10_000,
            "retries": RetryOptions(3, 5.0),
            "max_rejects": RejectLimit(),
        } | options
        pipeline = Pipeline(
            Reader(source, max_bytes=10_000),
            lambda _joined: fitted,
            rejects,
            PipelineOptions(**settings),
            metrics=Metrics(),
            on_committed=committed,
        )
        return pipeline, table

    yield make
    for rejects in opened:
        rejects.close()


def rows(count, bad=()):
    return [{"id": n, "bad": n in bad} for n in range(count)]


def counts(pipeline, *, all_read=False):
    pipeline.tally.verify(all_read=all_read)
    assert pipeline.metrics.snapshot().counts == pipeline.tally.counts
    return pipeline.tally.counts


def threads_left():
    return [t.name for t in threading.enumerate() if t.name.startswith("propload")]


@pytest.mark.parametrize("lanes", [1, 2, 5])
@pytest.mark.parametrize("chunk_rows", [1, 3, 50])
def test_every_row_arrives(make, lanes, chunk_rows):
    pipeline, table = make(MemorySource(rows(40), chunk_rows), lanes=lanes)
    pipeline.run()
    assert sorted(table.rows) == [(n,) for n in range(40)]
    assert counts(pipeline, all_read=True).inserted == 40
    assert threads_left() == []


def test_bad_rows_are_refused_with_source_and_number(make, tmp_path):
    pipeline, table = make(MemorySource(rows(30, bad={4, 17})))
    pipeline.run()
    assert counts(pipeline).rejected == 2
    assert len(table.rows) == 28
    refused = RejectStore(tmp_path / "rejects").read("run")
    assert refused["row"].to_list() == [5, 18]
    assert refused["source"].unique().to_list() == ["memory"]
    assert refused["values"].struct.field("id").to_list() == [4, 17]


def test_rows_before_a_source_error_are_loaded(make):
    broken = SourceError("the file ends in the middle", source="x.gz")
    pipeline, table = make(MemorySource(rows(25), error=broken))
    with pytest.raises(SourceError, match="ends in the middle"):
        pipeline.run()
    assert len(table.rows) == 25
    assert counts(pipeline).inserted == 25
    assert threads_left() == []


def test_a_queue_behind_the_source_that_closes_strands_nobody(make):
    closed = QueueClosedError("the producer failed")
    pipeline, table = make(MemorySource(rows(25), error=closed))
    with pytest.raises(QueueClosedError, match="the producer failed"):
        pipeline.run()
    assert len(table.rows) == 25


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

    def writing(writer, _on_refused):
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


def test_rows_before_some_that_do_not_fit_are_loaded(make):
    refused = threading.Event()

    class Slow(MemoryWriter):
        def write(self, piece):
            assert refused.wait(20)
            return super().write(piece)

    class Source:
        def __iter__(self):
            yield from MemorySource(rows(14))
            yield from MemorySource([{"other": 1}], name="day2.csv")

    def writing(writer, _on_refused):
        return Slow(writer.table, writer.lane)

    pipeline, table = make(Source(), lanes=1, writing=writing)
    fit = pipeline._fit

    def fit_or_refuse(joined):
        if joined.parts[0].source != "day2.csv":
            return fit(joined)
        refused.set()
        msg = "the table has no column other"
        raise SchemaMismatchError(msg)

    pipeline._fit = fit_or_refuse
    with pytest.raises(SchemaMismatchError, match="the table has no column other"):
        pipeline.run()
    assert len(table.rows) == 14
    assert threads_left() == []


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
    with pytest.raises(LoadError, match="SIGINT broke off Polars") as caught:
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

    def writing(writer, _on_refused):
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
    with pytest.raises(RuntimeError, match="new thread"):
        pipeline.run()
    assert threads_left() == []


def test_too_many_rejects_stop_the_run_and_what_is_committed_counts(make):
    limit = RejectLimit(rows=2)
    pipeline, table = make(
        MemorySource(rows(200, bad=set(range(10, 20)))), max_rejects=limit
    )
    with pytest.raises(RejectLimitError, match="were refused"):
        pipeline.run()
    found = counts(pipeline)
    assert found.inserted == len(table.rows)
    assert 3 <= found.rejected <= 10


def test_a_share_of_rejects_is_judged_against_the_rows_read(make):
    bad = {n for n in range(500) if n % 20 == 0}
    given = {"batch_rows": lambda: 20}
    pipeline, _ = make(
        MemorySource(rows(500, bad=bad)), max_rejects=RejectLimit(share=0.06), **given
    )
    pipeline.run()
    assert counts(pipeline).rejected == 25
    pipeline, _ = make(
        MemorySource(rows(500, bad=bad)), max_rejects=RejectLimit(share=0.04), **given
    )
    with pytest.raises(RejectLimitError):
        pipeline.run()


def test_stop_commits_what_was_read(make):
    pipelines = []

    class Stopping:
        def __iter__(self):
            yield from MemorySource(rows(20))
            pipelines[0].stop()
            yield from MemorySource(rows(1000))

    pipeline, table = make(Stopping())
    pipelines.append(pipeline)
    pipeline.run()
    assert len(table.rows) == 20
    assert counts(pipeline).read == 20
    assert threads_left() == []


def test_the_committed_row_number_grows_to_the_end(make):
    heard = []
    pipeline, _ = make(MemorySource(rows(50)), lanes=3, committed=heard.append)
    pipeline.run()
    assert max(heard) == 50


def test_pieces_committed_before_are_passed_over(make):
    begun = (Begun(0, 0, 7, {0: 4, 1: 3}, False), Begun(1, 7, 14, {0: 3}, False))
    start = Start(batch=2, begun=begun, counts=Counts(inserted=7 + 3))
    pipeline, table = make(MemorySource(rows(28)), start=start)
    pipeline.run()
    expected = {n for n in range(28) if not (n < 7 or (n < 14 and n % 2 == 0))}
    assert {key for (key,) in table.rows} == expected
    assert counts(pipeline, all_read=True) == Counts(read=28, inserted=28)


def test_a_count_of_an_earlier_process_that_is_wrong_is_seen(make):
    start = Start(1, 14, counts=Counts(inserted=13))
    pipeline, _ = make(MemorySource(rows(6)), start=start)
    pipeline.run()
    with pytest.raises(CountsError, match=r"20 rows came .* but 19 are accounted"):
        counts(pipeline, all_read=True)


@pytest.mark.parametrize(
    "change",
    [lambda layer: layer[1:], lambda layer: layer.vstack(layer[:1])],
    ids=["loses", "doubles"],
)
def test_rows_that_preparing_loses_or_doubles_are_seen(make, change, monkeypatch):
    prepare = Fitted.prepare

    def careless(self, joined, **told):
        prepared = prepare(self, joined, **told)
        first, *others = prepared.lanes
        return replace(prepared, lanes=[Deduped((change(first.layers[0]),)), *others])

    monkeypatch.setattr(Fitted, "prepare", careless)
    pipeline, table = make(MemorySource(rows(6)))
    with pytest.raises(CountsError, match="of 6 rows of batch 0"):
        pipeline.run()
    assert table.rows == {}
    assert counts(pipeline).read == 0


def test_a_piece_that_comes_out_otherwise_than_it_was_committed_is_refused(make):
    start = Start(batch=1, begun=(Begun(0, 0, 7, {1: 4}, False),))
    pipeline, table = make(MemorySource(rows(28)), start=start)
    with pytest.raises(ConfigError, match=r"rows 1 to 7 .*lane 1 had 4 rows .* have 3"):
        pipeline.run()
    assert table.rows == {}
    assert threads_left() == []


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

    def open_writer(self, lane, on_refused):
        return EntryWriter(self.table, lane)


class EntryWriter(MemoryWriter):
    def write(self, piece):
        self.table.pieces.append(piece)
        return Written(0, 0, 0, 0, 0, no_reasons())


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


def test_what_came_before_a_ledger_was_lost_is_not_missed(make):
    start = Start(first_row=5, untold=5)
    pipeline, _ = make(MemorySource(rows(14)), start=start)
    pipeline.run()
    assert counts(pipeline, all_read=True).read == 14


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

    def writing(writer, _on_refused):
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

    def writing(writer, _on_refused):
        return Denied(writer.table, writer.lane)

    pipeline, table = make(Turning(rows(6), rows(6)), writing=writing)
    turn(pipeline)
    waits = heard_waiting(pipeline)
    with pytest.raises(WriteError, match="permission denied"):
        pipeline.run()
    assert {piece.batch for piece in table.pieces} <= {0}
    assert threads_left() == []


def test_no_rows_at_all(make):
    pipeline, table = make(MemorySource([]))
    pipeline.run()
    assert counts(pipeline).read == 0
    assert table.rows == {}


@dataclass
class Undone:
    """Tells of a refused row, is undone, and has none to refuse the second time."""

    writer: MemoryWriter
    on_refused: Callable

    def write(self, piece):
        layer = piece.rows.layers[0]
        reasons = reason_lines(
            layer.head(1),
            stage="database",
            column="id",
            check="known",
            message=pl.lit("refused by the server"),
        )
        again = not self.writer.failures
        self.on_refused(piece, reasons.clear() if again else reasons)
        return self.writer.write(piece)

    def get_ready(self):
        self.writer.get_ready()

    def cancel(self):
        self.writer.cancel()

    def close(self):
        self.writer.close()


def test_a_row_that_a_second_try_takes_is_kept_in_the_table_alone(make, tmp_path):
    failures = {0: [TransientWriteError("line lost after the refusal")]}
    pipeline, table = make(
        MemorySource(rows(5)), lanes=1, failures=failures, writing=Undone
    )
    pipeline.run()
    assert counts(pipeline).rejected == 0
    assert len(table.rows) == 5
    assert RejectStore(tmp_path / "rejects").runs() == []


@dataclass
class Refusing:
    """Refuses the first row of each piece, before it is written."""

    writer: MemoryWriter
    on_refused: Callable

    def write(self, piece):
        layer = piece.rows.layers[0]
        reasons = reason_lines(
            layer.head(1),
            stage="database",
            column="id",
            check="positive",
            message=pl.lit("refused by the server"),
        )
        self.on_refused(piece, reasons)
        written = self.writer.write(replace(piece, rows=Deduped((layer.slice(1),))))
        return replace(written, reasons=reasons)

    def get_ready(self):
        self.writer.get_ready()

    def cancel(self):
        self.writer.cancel()

    def close(self):
        self.writer.close()


def test_a_row_refused_again_by_a_second_try_is_kept_once(make, tmp_path):
    failures = {0: [TransientWriteError("line lost after the refusal")]}
    source = MemorySource(rows(5))
    pipeline, _ = make(source, lanes=1, failures=failures, writing=Refusing)
    pipeline.run()
    assert counts(pipeline).rejected == 1
    assert RejectStore(tmp_path / "rejects").read("run").height == 1


def test_a_queue_of_others_that_is_closed_ends_no_lane_silently(make):
    def committed(_row):
        msg = "a queue of the program's own"
        raise QueueClosedError(msg)

    pipeline, _ = make(MemorySource(rows(50)), lanes=1, committed=committed)
    with pytest.raises(QueueClosedError, match="of the program's own"):
        pipeline.run()


def test_a_run_that_was_told_to_end_before_its_last_piece_has_not_ended_well(
    make, monkeypatch
):
    begun, finishing, release = (threading.Event() for _ in range(3))
    finish = Lane.finish

    def finish_noted(lane):
        finishing.set()
        finish(lane)

    monkeypatch.setattr(Lane, "finish", finish_noted)

    def held(writer, _on_refused):
        write = writer.write

        def hold(piece):
            begun.set()
            assert release.wait(10)
            return write(piece)

        return Held(hold, writer)

    pipeline, table = make(MemorySource(rows(14), 7), lanes=1, writing=held)
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


@dataclass
class Held:
    """A writer whose writes wait; a statement that runs cannot be broken off."""

    write: Callable
    writer: MemoryWriter

    def get_ready(self):
        self.writer.get_ready()

    def cancel(self):
        pass

    def close(self):
        self.writer.close()


def _error_of(action):
    try:
        action()
    except LoadError as error:
        return error
    return None
