"""The one file that knows the order: source → queue → prepare → lanes → report."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from propload.batch import Piece
from propload.errors import (
    ConfigError,
    LoadError,
    PropLoadError,
    QueueClosedError,
    RejectLimitError,
    SchemaMismatchError,
)
from propload.monitoring.metrics import Fill, Metrics
from propload.options import BATCH_BYTES
from propload.pipeline.lanes import CANCEL_SECONDS, Lane, Work
from propload.pipeline.partial_batch import require_same_pieces, torn_batch_error
from propload.pipeline.tallying import Tally
from propload.prepare.joining import Joined, Joiner
from propload.retrying import retry
from propload.starting import Start

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.batch import Deduped
    from propload.options import RejectLimit
    from propload.pipeline.reading import Reader
    from propload.pipeline.stages import Fit, Fitted, Routing
    from propload.rejecting import RejectWriter
    from propload.retrying import RetryOptions

log = logging.getLogger(__name__)

#: The number of sets of columns that are cached, most recently used first: six optional
#: fields make as many sets. Any other set is looked up in the catalog again.
FITTED_KEPT = 64


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """The options of a pipeline.

    Attributes:
        batch_rows: Called before each joined batch; returns the most rows in it.
        batch_bytes: Called before each joined batch; returns the most bytes in it.
        batch_seconds: The longest time that a row waits for its batch to fill.
        lanes: How many lanes write.
        lane_bytes: The most bytes that wait in each lane.
        retries: How long one transaction is retried.
        max_rejects: How many rejected rows the run allows.
        by_context: Whether rows of different sources or `as_of` are prepared
            separately.
        start: Where the run starts: a resumed one where it had ended.
        on_byte_limited: Called with the rows and bytes of a joined batch that was ended
            by its bytes.
    """

    batch_rows: Callable[[], int]
    batch_seconds: float
    lanes: int
    lane_bytes: int
    retries: RetryOptions
    max_rejects: RejectLimit
    by_context: bool = False
    start: Start = field(default_factory=Start)
    batch_bytes: Callable[[], int] = lambda: BATCH_BYTES
    on_byte_limited: Callable[[int, int], None] = lambda _rows, _nbytes: None


class Pipeline:
    """One run from source to table.

    Args:
        reader: Reads the source; `run` starts it if it has not been started before.
        fit: Finds out how rows are prepared and written.
        rejects: Keeps rejected rows.
        options: The options of the pipeline.
        metrics: The run's live counters.
        on_committed: Called with the row number of the run below which all rows are
            committed.

    Attributes:
        metrics: As given.
        tally: Accounts for every row.
    """

    def __init__(
        self,
        reader: Reader,
        fit: Fit,
        rejects: RejectWriter,
        options: PipelineOptions,
        *,
        metrics: Metrics,
        on_committed: Callable[[int], None],
    ) -> None:
        self.metrics = metrics
        self._reader = reader
        self._fit = fit
        self._options = options
        self.tally = Tally(
            rejects, options.max_rejects, metrics, on_committed, options.start
        )
        self._lanes: list[Lane] = []
        #: The cache of column sets, most recently used first.
        self._fitted: list[tuple[object, Fitted]] = []
        self._routing: Routing | None = None
        self._stopping = threading.Event()
        self._aborted = threading.Event()
        self._failing = threading.Lock()
        #: The error of the lane that failed first: the others fail as a consequence.
        self._failed: BaseException | None = None

    def run(self) -> None:
        """Load the source; return when every row is committed or rejected.

        Raises:
            RejectLimitError: Too many rows were rejected.
            PropLoadError: The source cannot be read, or a write failed permanently.
        """
        try:
            self._start()
            self._prepare_all()
            self._finish_lanes()
            self.tally.check_limit(ended=True)
        except QueueClosedError as error:
            self._abort(error)
            cause = self._cause(error)
            raise cause from cause.__cause__ or error
        except (RejectLimitError, SchemaMismatchError, ConfigError) as error:
            # earlier rows are not affected by the error: let the lanes commit them
            self._reader.close(error)
            self._finish_lanes()
            raise
        except BaseException as error:
            self._abort(error)
            if _is_polars_interrupt(error):
                raise _polars_interrupt_error() from error
            raise
        finally:
            self.tally.end()
            # breaks a reference cycle that includes the source: a frame of gigabytes
            # would stay in memory until the garbage collector runs
            self._lanes = []
        if self._reader.error is not None and not self._stopping.is_set():
            raise self._reader.error

    def stop(self) -> None:
        """Stop reading; rows already read are committed before `run` returns."""
        self._stopping.set()
        self._reader.stop()

    def abort(self, error: BaseException) -> None:
        """End immediately; uncommitted rows stay in the source or the journal."""
        self._stopping.set()
        self._abort(error)

    # ---- preparing: the thread that calls run() ----

    def _start(self) -> None:
        options = self._options
        self._lanes = [
            Lane(
                number,
                self.tally,
                options.retries,
                max_bytes=options.lane_bytes,
                on_failed=self._on_failed,
            )
            for number in range(options.lanes)
        ]
        self.metrics.observe_fill(self._measure_fill)
        for lane in self._lanes:
            lane.start()
        self._reader.start()

    def _measure_fill(self) -> Fill:
        return Fill(self._reader.fill, tuple(lane.fill for lane in self._lanes))

    def _prepare_all(self) -> None:
        options = self._options
        start = options.start
        joiner = Joiner(
            self._reader.batches,
            options.batch_rows,
            options.batch_seconds,
            start.partial_batches,
            by_context=options.by_context,
            number=start.batch,
            first_row=start.first_row,
            batch_bytes=options.batch_bytes,
            on_byte_limited=options.on_byte_limited,
        )
        row, source = start.first_row, "the source"
        for joined in joiner:
            source = joined.parts[0].source
            if start.conflicts_with(joined.first_row, joined.through_row):
                break
            self._prepare(joined)
            self.tally.check_limit()
            row = joined.through_row
        is_cut_off = self._stopping.is_set() or self._reader.error is not None
        if (torn := start.partial_from(row)) and not is_cut_off:
            raise torn_batch_error(torn[0], source)

    def _prepare(self, joined: Joined) -> None:
        partial = self._options.start.find(joined.first_row, joined.through_row)
        done = partial.accounted if partial else {}
        together = partial.together if partial else None
        fitted = self._find_fitted(joined)
        if fitted is None:
            return
        self._switch_routing(fitted.routing, together=together)
        began = time.monotonic()
        prepared = fitted.prepare(joined, together=together)
        log.info(
            "%s: prepared %d rows of %s, %d duplicates, in %.3f s",
            self._options.retries.label(f"batch {joined.number}"),
            joined.height,
            joined.parts[0].source,
            prepared.duplicates,
            time.monotonic() - began,
        )
        if partial is not None:
            require_same_pieces(partial, joined, prepared)
        lanes = len(self._lanes)
        rejected = self.tally.begin(joined, prepared, lanes, done=done)
        for lane, rows in zip(self._lanes, prepared.lanes, strict=True):
            piece = _piece(joined, lane.number, rows, rejected)
            if lane.number in done:
                self.tally.mark_piece_done(joined.number)
            else:
                lane.put(Work(piece, fitted))

    def _find_fitted(self, joined: Joined) -> Fitted | None:
        schema = joined.parts[0].rows.schema
        for place, (known_schema, cached) in enumerate(self._fitted):
            if schema.equals(known_schema):
                self._fitted.insert(0, self._fitted.pop(place))
                return cached
        fitted = retry(
            lambda: self._fit(joined),
            self._options.retries,
            stop=self._aborted,
            name=f"the table of batch {joined.number}",
            on_retry=self.tally.on_retry,
        )
        self.metrics.set_activity("")
        if fitted is not None and fitted.routing is not None:
            self._fitted.insert(0, (schema, fitted))
            del self._fitted[FITTED_KEPT:]
            for lane in self._lanes:
                lane.put(Work(None, fitted))
        return fitted

    def _switch_routing(
        self, routing: Routing | None, *, together: bool | None
    ) -> None:
        """Wait for the lanes if a row could overtake an older row with its key."""
        if routing is None:
            return
        if together is not None:
            routing = replace(routing, together=together)
        if len(self._lanes) > 1 and self._routing not in (None, routing):
            self._wait_for_lanes()
        self._routing = routing

    def _wait_for_lanes(self) -> None:
        """Wait until all prepared rows are committed.

        Raises:
            QueueClosedError: A lane failed, or the run was aborted.
        """
        while not self.tally.wait_idle(CANCEL_SECONDS):
            if self._aborted.is_set():
                raise _lanes_aborted_error() from self._failed

    # ---- ending ----

    def _on_failed(self, error: BaseException) -> None:
        """End the run, so that nothing waits for a lane that has failed permanently."""
        if _is_polars_interrupt(error):
            cause, error = error, _polars_interrupt_error()
            error.__cause__ = cause
        with self._failing:
            self._failed = self._failed or error
        self._end_all(error)

    def _finish_lanes(self) -> None:
        """Wait for the last piece of each lane.

        Raises:
            QueueClosedError: The lanes were aborted before their last pieces.
        """
        for lane in self._lanes:
            lane.finish()
        if self._failed is not None:
            raise self._failed
        if self._aborted.is_set() and not self.tally.wait_idle(0):
            raise _lanes_aborted_error()

    def _abort(self, error: BaseException) -> None:
        self._end_all(error)
        for lane in self._lanes:
            lane.join()

    def _end_all(self, error: BaseException) -> None:
        self._aborted.set()
        self._reader.close(error)
        for lane in self._lanes:
            lane.abort(error)

    def _cause(self, error: QueueClosedError) -> BaseException:
        """Return the error that closed a queue: that of the lane that failed first."""
        if self._failed is not None:
            return self._failed
        cause = error.__cause__
        return cause if isinstance(cause, PropLoadError) else LoadError(str(error))


def _lanes_aborted_error() -> QueueClosedError:
    return QueueClosedError("the lanes were told to end")


def _is_polars_interrupt(error: BaseException) -> bool:
    """Return whether an error is a KeyboardInterrupt that Polars raised on SIGINT.

    Python itself raises it only in the main thread. Polars handles SIGINT where a
    handler that was not set from Python could not be restored.
    """
    in_main = threading.current_thread() is threading.main_thread()
    return isinstance(error, KeyboardInterrupt) and not in_main


def _polars_interrupt_error() -> LoadError:
    msg = (
        "SIGINT interrupted Polars although the load was not asked to stop: stop loads "
        "with SIGTERM"
    )
    return LoadError(msg)


def _piece(joined: Joined, lane: int, rows: Deduped, rejected: int) -> Piece:
    first = lane == 0
    return Piece(
        batch=joined.number,
        lane=lane,
        rows=rows,
        first_row=joined.first_row,
        through_row=joined.through_row,
        read=joined.height + joined.unread if first else 0,
        rejected=rejected if first else 0,
    )
