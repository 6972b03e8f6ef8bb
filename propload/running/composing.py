"""Puts the parts of a run together from its settings."""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from propload.messages.wording import counted
from propload.pipeline.pipeline import Pipeline, PipelineOptions
from propload.pipeline.table_fitting import TableFit
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.prepare.joining import skip_rows
from propload.rejecting import RejectStore, RejectWriter
from propload.rejecting.lines import piece_of
from propload.retrying import RetryOptions, retry
from propload.running.auto_sizing import batch_sizes, with_workers
from propload.running.choosing import find_checker, find_target, make_preparer
from propload.running.journaling import (
    first_row_of,
    is_journaled,
    journal_rows,
    killed_run_of,
)
from propload.running.parts import Parts
from propload.running.read_ahead import make_reader, read_ahead, waiting_bytes
from propload.running.resuming.finding import ResumeFinder, begin_record
from propload.running.run_ids import new_run_id
from propload.source_capabilities import rows_expected_of
from propload.starting import Start

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from propload.monitoring.memory import MemoryWatch
    from propload.monitoring.metrics import Metrics
    from propload.pipeline.reading import Reader
    from propload.postgres.database import Database
    from propload.postgres.ledger.history import ResumePoint
    from propload.postgres.ledger.run_record import RunRecord
    from propload.prepare.checks.validation import Checker
    from propload.prepare.preparing import Preparer
    from propload.running.auto_sizing import BatchRows
    from propload.running.journaling import Journaling
    from propload.running.planning import Plan
    from propload.running.read_ahead import PrefetchedSource
    from propload.sources.source import Source
    from propload.target import Target

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _ClaimedRun:
    """A run with its id, whose settings are all verified.

    Attributes:
        record: The run as the ledger will record it.
        point: Where it continues, or None if it is new.
        plan: Its plan, with the number of lanes.
        worker_reasons: Why that number was chosen.
        preparer: Maps and checks its rows.
    """

    record: RunRecord
    point: ResumePoint | None
    plan: Plan
    worker_reasons: tuple[str, ...]
    preparer: Preparer


@dataclass(frozen=True, slots=True)
class _Load:
    """A source, and where its rows are loaded to.

    `expected` returns about how many rows will come; it inspects a file only once.
    """

    source: Source
    plan: Plan
    database: Database
    target: Target
    checker: Checker | None
    expected: Callable[[], int | None]
    metrics: Metrics

    def _lock(self, stack: ExitStack, stop: threading.Event) -> None:
        """Lock the table against other runs, if the option is set."""
        options, table = self.plan.options, self.target.table
        if not options.lock:
            return
        if options.lock_wait:
            waiting = f"waiting up to {options.lock_wait:g} s for the lock of {table}"
            self.metrics.set_activity(waiting)
        lock = self.database.lock(table, wait=options.lock_wait, stop=stop)
        stack.enter_context(lock)
        self.metrics.set_activity("")

    def claim(
        self,
        fingerprint: Callable[[], str | None],
        *,
        stop: threading.Event,
        stack: ExitStack,
    ) -> _ClaimedRun:
        """Return the run; its id and its table stay locked until the stack is closed.

        Raises:
            LockedError: Another run has locked the table, or continues this run.
            WriteError: The server refused.
        """

        def attempt() -> _ClaimedRun:
            # release this attempt's locks on failure, or the next one would meet them
            with ExitStack() as opened:
                claim = self._claim(fingerprint, opened, stop)
                stack.enter_context(opened.pop_all())
                return claim

        options = RetryOptions.of(self.plan.options, table=str(self.target.table))
        return retry(attempt, options, stop=stop, name="the beginning of the run")

    def pipeline_options(
        self,
        plan: Plan,
        memory: MemoryWatch,
        journaling: Journaling,
        start: Start,
        sizes: BatchRows,
    ) -> PipelineOptions:
        """Return the options of the pipeline of the run that `plan` is claimed for."""
        options, table = plan.options, str(self.target.table)
        return PipelineOptions(
            batch_rows=lambda: memory.scaled(sizes()),
            batch_bytes=lambda: memory.scaled(sizes.most_bytes),
            batch_seconds=options.batch_seconds,
            lanes=plan.workers,
            lane_bytes=max(1, waiting_bytes(plan) // plan.workers),
            retries=RetryOptions.of(options, journaling.outlasts_outage, table=table),
            max_rejects=options.max_rejects,
            by_context="mapping" in plan.settings,
            start=start,
            on_byte_limited=sizes.note_byte_limited,
        )

    def _claim(
        self,
        fingerprint: Callable[[], str | None],
        stack: ExitStack,
        stop: threading.Event,
    ) -> _ClaimedRun:
        plan, database = self.plan, self.database
        finder = ResumeFinder(database, plan, stack)
        replaces = self.target.mode == "replace"
        try:
            self._lock(stack, stop)
            # after the lock: the run that held it may have written this source
            record, point = self._find_or_create(fingerprint(), finder)
            if point is not None:
                # rows of a key must go to the same lane again
                plan = plan.with_sizes(workers=point.run.lanes)
            plan, worker_reasons = with_workers(
                plan, database, self.expected, replaces=replaces
            )
        except ServerError as error:
            table, doing = str(self.target.table), "the ledger was asked for the run"
            raise failures.as_write_error(error, table=table, doing=doing) from error
        if self.source.rereadable:
            # its rows can be read without waiting, so the lanes are needed soon
            database.preconnect(plan.workers)
        self._log_beginning(record, plan.workers)
        preparer = make_preparer(plan, self.source, self.checker, self.target)
        return _ClaimedRun(
            record.with_lanes(plan.workers), point, plan, worker_reasons, preparer
        )

    def _find_or_create(
        self, fingerprint: str | None, finder: ResumeFinder
    ) -> tuple[RunRecord, ResumePoint | None]:
        """Return the run, and where it continues unless it is new."""
        record = begin_record(self.source, self.target, self.plan, fingerprint)
        resume = self.plan.settings.get("resume")
        point = finder.point(self.source, resume, record, self.target)
        if point is not None:
            return record.as_continuation_of(point.run), point
        killed_run = killed_run_of(self.source)
        run_id = killed_run or new_run_id()
        finder.claim(run_id, is_new=killed_run is None)
        return replace(record, run_id=run_id), None

    def _log_beginning(self, record: RunRecord, workers: int) -> None:
        target = self.target
        rules = [f"mode {target.mode}"]
        if target.key:
            rules.append(f"key {', '.join(target.key)}")
        if target.newest:
            rules.append(f"newest {target.newest}")
        log.info(
            "run %s: %s into %s of %s, %s",
            record.run_id,
            self.source.name,
            target.table,
            self.database.label,
            ", ".join([*rules, counted(workers, "worker")]),
        )

    def fit(self, claim: _ClaimedRun, journaling: Journaling) -> TableFit:
        """Return the fit of the run's rows to its table."""
        # of a resumed run, rows of a key may go to another lane than those before
        expected = None if claim.point else self.expected
        fit = TableFit(
            self.database,
            self.target,
            claim.preparer,
            claim.record,
            self.checker.pg_types if self.checker else {},
            lenient=is_journaled(self.source),
            expected=expected,
        )
        fit.on_entered(journaling.note_entered)
        return fit


def compose(
    source: Source,
    plan: Plan,
    database: Database,
    *,
    metrics: Metrics,
    memory: MemoryWatch,
    stop: threading.Event,
    stack: ExitStack,
) -> Parts:
    """Return the parts of a run.

    Args:
        source: Where rows come from.
        plan: The run's plan.
        database: Where the table is.
        metrics: The run's live counters; a resumed run starts with its earlier counts.
        memory: Slows the run when memory is short.
        stop: Set if the run is told to stop before it has begun.
        stack: Closes what is opened here.

    Raises:
        PropLoadError: A part cannot be made; the message says which.
    """
    sizes = batch_sizes(plan, memory, lambda: tally.counts.accounted)
    ahead = read_ahead(source, plan, memory, stack)
    checker = find_checker(plan.settings)
    target = find_target(plan, checker, source, database, stop=stop)
    expected = cache(partial(rows_expected_of, source))
    load = _Load(source, plan, database, target, checker, expected, metrics)
    claim = load.claim((ahead or source).fingerprint, stop=stop, stack=stack)
    record, point, plan = claim.record, claim.point, claim.plan
    rejects, reject_notes = _open_rejects(plan, record.run_id, point, stack)
    journaling = journal_rows(source, plan, record, target, database, stack=stack)
    fit = load.fit(claim, journaling)
    start = find_start(source, point)
    pipeline = Pipeline(
        _reader(ahead, load, journaling, start, memory=memory, stack=stack),
        fit,
        rejects,
        load.pipeline_options(plan, memory, journaling, start, sizes),
        metrics=metrics,
        on_committed=journaling.note_committed,
    )
    tally = pipeline.tally  # not the pipeline: that cycle would keep the source alive
    return Parts(
        record=record,
        source=source,
        plan=plan,
        database=database,
        target=target,
        fit=fit,
        rejects=rejects,
        pipeline=pipeline,
        journaling=journaling,
        sizes=sizes,
        continued=point is not None and point.run.status != "loaded",
        chosen=claim.worker_reasons,
        begin_notes=reject_notes,
    )


def _reader(
    prefetched: PrefetchedSource | None,
    load: _Load,
    journaling: Journaling,
    start: Start,
    *,
    memory: MemoryWatch,
    stack: ExitStack,
) -> Reader:
    """Return the reader of a run's rows, from the row that it starts at."""
    if prefetched:
        return prefetched.reader
    first = first_row_of(load.source)
    batches = skip_rows(journaling.feed or load.source, start.first_row - first)
    reader = make_reader(batches, load.plan, memory, stack)
    # called before the reader is closed, which waits for the batch being read
    stack.callback(journaling.close_reader)
    return reader


def find_start(source: Source, point: ResumePoint | None) -> Start:
    """Return the row that a run starts at; rows of a journal keep their numbers."""
    if point is not None:
        return point.start
    first = first_row_of(source)
    return Start(first_row=first, rows_unaccounted=first)


def _open_rejects(
    plan: Plan, run_id: str, point: ResumePoint | None, stack: ExitStack
) -> tuple[RejectWriter, tuple[str, ...]]:
    """Return the writer of rejected rows, and a note if earlier ones are gone.

    Rejected rows of batches that are written again are removed from its file.
    """
    store = RejectStore(plan.places.rejects)
    writer = RejectWriter(store.files.path(run_id), run_id)
    stack.enter_context(closing(writer))
    if point is None:
        return writer, ()
    kept = writer.adopt_earlier_rows(lambda line: piece_of(line) in point.committed)
    missing = point.start.counts.rejected - kept
    if missing <= 0:
        return writer, ()
    was = "was" if missing == 1 else "were"
    note = (
        f"{counted(missing, 'rejected row')} of earlier processes of this run {was} "
        "replayed or dropped before it continued: they are in the counts, but not in "
        "the reasons"
    )
    return writer, (note,)
