"""Puts the parts of a run together from its settings."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from propload.abilities import rows_expected_of
from propload.options import BATCH_BYTES
from propload.pipeline.fitting import TableFit
from propload.pipeline.pipeline import Pipeline, PipelineOptions
from propload.pipeline.stages import Start
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.prepare.joining import skip_rows
from propload.rejecting import RejectStore, RejectWriter
from propload.rejecting.lines import piece_of
from propload.rejecting.writing import unwritten
from propload.retrying import RetryOptions
from propload.running.adapting import batch_sizes, with_workers
from propload.running.choosing import find_checker, find_target, make_preparer
from propload.running.keeping import (
    first_row_of,
    is_journaled,
    keep_rows,
    killed_run_of,
)
from propload.running.parts import Parts
from propload.running.planning import new_run_id
from propload.running.read_ahead import make_reader, read_ahead, waiting_bytes
from propload.running.resuming import Resuming, begin_record

if TYPE_CHECKING:
    import threading
    from contextlib import ExitStack

    from propload.monitoring.memory import MemoryWatch
    from propload.monitoring.metrics import Metrics
    from propload.postgres.ledger.history import ResumePoint
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.loading import Database
    from propload.prepare.preparing import Preparer
    from propload.prepare.validation import Checker
    from propload.running.adapting import BatchRows, FixedRows
    from propload.running.keeping import Kept
    from propload.running.planning import Plan
    from propload.running.read_ahead import Ahead
    from propload.sources.source import Source
    from propload.target import Target

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _ClaimedRun:
    """A run that has its name, and all that its settings can be wrong about.

    Attributes:
        record: The run as the ledger is to know it.
        point: Where it goes on, or None where it is new.
        plan: What holds, with the lanes that it has.
        why: How these were chosen.
        preparer: What maps and checks its rows.
    """

    record: RunRecord
    point: ResumePoint | None
    plan: Plan
    why: tuple[str, ...]
    preparer: Preparer


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
        plan: What holds.
        database: Where the table is.
        metrics: The run's live counters; a resumed run begins with what it did.
        memory: Slows the run where memory is short.
        stop: Set where the run is told to stop before it has begun.
        stack: What is opened here is closed by it.

    Raises:
        PropLoadError: A part cannot be had: the message says which.
    """
    sizes = batch_sizes(plan, lambda: pipeline.tally.counts.accounted)
    ahead = read_ahead(source, plan, memory, stack)
    checker = find_checker(plan.settings)
    target = find_target(plan, checker, source, database, stop=stop)
    _lock(target, plan, database, stack)
    claim = _begin(source, target, plan, database, stack, checker=checker, ahead=ahead)
    record, point, plan = claim.record, claim.point, claim.plan
    rejects = stack.enter_context(closing(_rejects(plan, record.run_id, point)))
    kept = keep_rows(source, plan, record, target, database, stack=stack)
    fit = _fitting(source, target, claim, checker, database, kept=kept)
    start = find_start(source, point)
    batches = skip_rows(kept.feed or source, start.first_row - first_row_of(source))
    pipeline = Pipeline(
        ahead.reader if ahead else make_reader(batches, plan, memory, stack),
        fit,
        rejects,
        _pipeline_options(plan, memory, kept, start, sizes),
        metrics=metrics,
        on_committed=kept.on_committed,
    )
    return Parts(
        record=record,
        source=source,
        plan=plan,
        database=database,
        target=target,
        fit=fit,
        rejects=rejects,
        pipeline=pipeline,
        kept=kept,
        sizes=sizes,
        continued=point is not None and point.run.status != "loaded",
        chosen=claim.why,
    )


def _lock(target: Target, plan: Plan, database: Database, stack: ExitStack) -> None:
    """Turn other runs away from the table, where that was asked for."""
    if plan.options.lock:
        stack.enter_context(database.lock(target.table, wait=plan.options.lock_wait))


def _begin(
    source: Source,
    target: Target,
    plan: Plan,
    database: Database,
    stack: ExitStack,
    *,
    checker: Checker | None,
    ahead: Ahead | None,
) -> _ClaimedRun:
    """Return the run, whose name is claimed until the stack is closed.

    Raises:
        WriteError: The server refused.
        TransientWriteError: A session was lost meanwhile.
    """
    resuming = Resuming(database, plan, stack)
    try:
        record, point = _beginning(source, target, plan, resuming, ahead)
        plan, why = with_workers(_gone_on(plan, point), database)
    except ServerError as error:
        raise failures.as_write_error(error, table=str(target.table)) from error
    if source.rereadable:
        # its rows are at hand: the lanes are needed in a moment
        database.expect(plan.workers)
    _tell(record, source, target, database, plan)
    preparer = make_preparer(plan, source, checker, target)
    return _ClaimedRun(record.with_lanes(plan.workers), point, plan, why, preparer)


def _fitting(
    source: Source,
    target: Target,
    claim: _ClaimedRun,
    checker: Checker | None,
    database: Database,
    *,
    kept: Kept,
) -> TableFit:
    """Return what fits the rows of a run to its table."""
    return TableFit(
        database,
        target,
        claim.preparer,
        claim.record,
        checker.pg_types if checker else {},
        lenient=is_journaled(source),
        on_entered=kept.on_entered,
        # rows of a key may take another lane than those that were written before
        expected=None if claim.point else partial(rows_expected_of, source),
    )


def _tell(
    record: RunRecord, source: Source, target: Target, database: Database, plan: Plan
) -> None:
    log.info(
        "run %s: %s into %s of %s, mode %s, key (%s), newest %s, %d workers",
        record.run_id,
        source.name,
        target.table,
        database.label,
        target.mode,
        ", ".join(target.key),
        target.newest,
        plan.workers,
    )


def _beginning(
    source: Source,
    target: Target,
    plan: Plan,
    resuming: Resuming,
    ahead: Ahead | None,
) -> tuple[RunRecord, ResumePoint | None]:
    """Return the run, whose name is claimed, and where it goes on if it is not new."""
    fingerprint = ahead.fingerprint if ahead else source.fingerprint()
    record = begin_record(source, target, plan, fingerprint)
    point = resuming.point(source, plan.settings.get("resume"), record, target)
    run_id = _run_id(source, point)
    resuming.claim(run_id)
    if point is not None:
        return record.goes_on(point.run), point
    return replace(record, run_id=run_id), point


def _gone_on(plan: Plan, point: ResumePoint | None) -> Plan:
    """Return the plan of a run that may go on: with the lanes that it began with."""
    if point is None:
        return plan
    return replace(plan, options=replace(plan.options, workers=point.lanes))


def _run_id(source: Source, point: ResumePoint | None) -> str:
    if point is not None:
        return point.run.run_id
    return killed_run_of(source) or new_run_id()


def find_start(source: Source, point: ResumePoint | None) -> Start:
    """Return at which row a run begins: those of a journal keep their numbers."""
    if point is None:
        first = first_row_of(source)
        return Start(first_row=first, untold=first)
    return Start(point.batch, point.first_row, point.begun, point.counts, point.untold)


def _rejects(plan: Plan, run_id: str, point: ResumePoint | None) -> RejectWriter:
    """Return where rejected rows go, without those of batches that are made again."""
    store = RejectStore(plan.places.rejects)
    writer = RejectWriter(store.files.path(run_id), run_id)
    if point is not None:
        with store.alone(run_id), unwritten(store.files.path(run_id)):
            store.keep(run_id, lambda line: piece_of(line) in point.committed)
            writer.take_up()
    return writer


def _pipeline_options(
    plan: Plan,
    memory: MemoryWatch,
    kept: Kept,
    start: Start,
    sizes: FixedRows | BatchRows,
) -> PipelineOptions:
    options = plan.options
    return PipelineOptions(
        batch_rows=lambda: memory.fitting(sizes()),
        batch_bytes=lambda: memory.fitting(BATCH_BYTES),
        batch_seconds=options.batch_seconds,
        lanes=plan.workers,
        lane_bytes=max(1, waiting_bytes(plan) // plan.workers),
        retries=RetryOptions(
            options.retry_attempts, options.retry_seconds, kept.outlasts_outage
        ),
        max_rejects=options.max_rejects,
        by_context="mapping" in plan.settings,
        start=start,
        on_wide=sizes.note_wide,
    )
