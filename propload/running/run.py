"""One run: it starts, moves its rows, and ends with a report, whatever happens."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from propload.errors import (
    BlockedError,
    ConfigError,
    CountsError,
    JournalError,
    LoadError,
    PropLoadError,
    RejectLimitError,
    TransientWriteError,
    load_error_for,
)
from propload.journal import Journal
from propload.monitoring.memory import MemoryWatch
from propload.pipeline.lanes import CANCEL_SECONDS
from propload.pipeline.notes import did_erase_note
from propload.rejecting.reading import read_rejects
from propload.report import Report, Status, TargetName
from propload.retrying import RetryOptions, retry
from propload.running.advice import (
    how_to_continue,
    nothing_to_replace,
    recovery_method,
    what_ended,
)
from propload.running.choosing import open_database
from propload.running.composing import compose
from propload.running.journaling import open_rest
from propload.source_capabilities import incomplete_of
from propload.state.report_store import ReportStore
from propload.state.state_folder import make_state_folder
from propload.state.unfinished_runs import RunMarker, UnfinishedRun, mark_running

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from propload.monitoring.metrics import Metrics
    from propload.postgres.database import Database
    from propload.report import Counts
    from propload.running.parts import Parts
    from propload.running.planning import Plan
    from propload.sources.source import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        status: The status for its report.
        error: What ended it early, or None.
    """

    status: Status
    error: BaseException | None = None


class Run:
    """One load of a source into a table; it is executed once.

    Args:
        source: Where rows come from.
        plan: The run's plan.
        metrics: The run's live counters.
    """

    def __init__(self, source: Source, plan: Plan, *, metrics: Metrics) -> None:
        self._source = source
        self._plan = plan
        self._metrics = metrics
        self._memory = MemoryWatch(plan.options.max_memory, metrics)
        self._database: Database | None = None
        self._parts: Parts | None = None
        self._composed = threading.Event()
        self._ended = threading.Event()
        self._stopped = threading.Event()
        self._aborted = threading.Event()
        self._began = time.monotonic()
        self._began_at = datetime.now(UTC).replace(microsecond=0)

    def execute(self) -> Report:
        """Load the source and return the report.

        Raises:
            LoadError: The run ended early. The error carries the report, and is also
                an instance of the class of the error that ended the run.
            PropLoadError: The run could not begin.
            KeyboardInterrupt: It was stopped before it began.
        """
        self._metrics.begin()
        with ExitStack() as markers:
            parts, ending, marker = self._execute_parts(markers)
            report = self._report(parts, ending)
            is_kept = ReportStore(self._plan.places.runs).save(report)
            # without report and note, nothing would tell that a run can be continued
            marker.stays = not is_kept and ending.status != "loaded"
        return _return_or_raise(
            report, ending, has_waiting=parts.journaling.has_waiting
        )

    def _execute_parts(self, markers: ExitStack) -> tuple[Parts, Ending, RunMarker]:
        """Carry out the run; return its parts, its ending and its marker.

        `markers` keeps the marker, which says that the run is unfinished, until closed.
        """
        try:
            with ExitStack() as stack:
                # before any row is read: its memory counts as the run's
                stack.enter_context(self._memory)
                parts = self._compose(stack)
                marker = markers.enter_context(self._mark_running(parts))
                parts.fit.on_entered(marker.note_entered)
                if self._stopped.is_set():
                    parts.stop()
                ending = self._finalize(parts, self._load(parts))
                self._look_for_table(parts, ending)
                return parts, ending, marker
        finally:
            self._metrics.end()
            self._ended.set()

    def stop(self) -> None:
        """Stop reading, commit the rows already read, and end with a report."""
        self._stopped.set()
        # nothing was read yet: break off whatever it waits for (a lock)
        while not (self._composed.wait(CANCEL_SECONDS) or self._ended.is_set()):
            self._cancel_database()
        if self._parts is not None:
            self._parts.stop()

    def abort(self, error: BaseException) -> None:
        """End immediately; uncommitted rows stay in the source or the journal."""
        self._stopped.set()
        self._aborted.set()
        while not self._ended.is_set():
            if self._parts is not None:
                self._parts.pipeline.abort(error)
            self._cancel_database()
            self._ended.wait(CANCEL_SECONDS)

    def rest(self) -> Journal:
        """Return a journal for rows that arrive after the run has failed.

        Raises:
            JournalError: The run is a replace, of which a part is of no use; it never
                began, so that no table is known for the rows; or the journal cannot be
                written to disk.
        """
        parts = self._parts
        if parts is None or not isinstance(parts.journaling.journal, Journal):
            msg = "the run did not begin"
            raise JournalError(msg)
        if parts.target.mode == "replace":
            msg = f"a replace of {parts.target.table} takes all rows or none"
            raise JournalError(msg)
        return open_rest(parts.journaling.journal, self._plan)

    def _cancel_database(self) -> None:
        if self._database is not None:
            self._database.cancel()

    def _compose(self, stack: ExitStack) -> Parts:
        try:
            make_state_folder(self._plan.places.state_dir)
            opened = open_database(self._plan, should_stop=self._stopped.is_set)
            database = self._database = stack.enter_context(opened)
            # the lock on the run takes a session, and so does the lock on the table
            database.preconnect(1 + self._plan.options.lock)
            self._parts = compose(
                self._source,
                self._plan,
                database,
                metrics=self._metrics,
                memory=self._memory,
                stop=self._stopped,
                stack=stack,
            )
        except PropLoadError as error:
            if self._stopped.is_set():
                msg = "the run was stopped before it began"
                raise KeyboardInterrupt(msg) from error
            raise
        finally:
            self._composed.set()
        return self._parts

    def _mark_running(self, parts: Parts) -> AbstractContextManager[RunMarker]:
        run = UnfinishedRun(
            run_id=parts.run_id,
            source=self._source.name,
            target=TargetName(parts.database.label, str(parts.target.table)),
            began=self._began_at,
            pid=os.getpid(),
            way=recovery_method(parts),
            replayed=self._plan.replayed,
            entered=parts.continued,
        )
        return mark_running(self._plan.places.runs, run)

    def _load(self, parts: Parts) -> Ending:
        try:
            parts.pipeline.run()
        except RejectLimitError as error:
            return Ending("stopped", error)
        except BlockedError as error:
            return Ending("blocked", error)
        except BaseException as error:  # noqa: BLE001 - raised again with the report
            return self._failure(error)
        return Ending("interrupted" if self._stopped.is_set() else "loaded")

    def _failure(self, error: BaseException) -> Ending:
        if self._aborted.is_set():
            # a cancelled statement or a closed queue does not tell why it was ended
            error = LoadError("the run was told to stop immediately")
        return Ending("failed", error)

    def _finalize(self, parts: Parts, ending: Ending) -> Ending:
        """Verify the counts, and record the end in table, ledger and journal."""
        try:
            # a run that failed may have read rows that are not accounted for yet
            parts.pipeline.tally.verify(all_read=ending.status != "failed")
            ending = self._check_replace(parts, ending)
            self._finish(parts, ending)
            parts.journaling.outcome.loaded = ending.status == "loaded"
        except CountsError as error:
            return Ending("failed", error)
        except PropLoadError as error:
            if ending.error is None:
                return self._failure(error)
            log.warning("the end of run %s was not noted: %s", parts.run_id, error)
        return ending

    def _look_for_table(self, parts: Parts, ending: Ending) -> None:
        """After a failed replace, find out whether the table still exists."""
        is_unreachable = isinstance(ending.error, TransientWriteError)
        if ending.status == "loaded" or is_unreachable or self._aborted.is_set():
            return
        if parts.target.mode == "replace":
            parts.look_for_table()

    def _check_replace(self, parts: Parts, ending: Ending) -> Ending:
        """Return a failure if a replace would leave no rows, or only some of them."""
        if ending.status != "loaded" or parts.target.mode != "replace":
            return ending
        counts = parts.pipeline.tally.counts
        if not counts.inserted + counts.updated + counts.unchanged:
            msg = nothing_to_replace(self._source.name, parts.target)
            return Ending("failed", LoadError(msg))
        incomplete = incomplete_of(self._source)
        if incomplete:
            msg = f"not all rows of {self._source.name} came: {incomplete}"
            return Ending("failed", LoadError(msg))
        return ending

    def _finish(self, parts: Parts, ending: Ending) -> None:
        options = parts.plan.options
        # a run that failed has already used its retries
        attempts = options.retry_attempts if ending.error is None else 1
        retry(
            lambda: parts.end(ending.status),
            RetryOptions(
                attempts, options.retry_seconds, table=str(parts.target.table)
            ),
            stop=self._aborted,
            name="the end of the run",
            on_retry=parts.pipeline.tally.on_retry,
        )

    def _report(self, parts: Parts, ending: Ending) -> Report:
        tally = parts.pipeline.tally
        counts, seconds = tally.counts, time.monotonic() - self._began
        path = parts.rejects.path if counts.rejected else None
        return Report(
            run_id=parts.run_id,
            status=ending.status,
            source=self._source.name,
            target=TargetName(parts.database.label, str(parts.target.table)),
            counts=counts,
            seconds=seconds,
            peak_memory_bytes=self._memory.peak_bytes,
            batches=tally.batches,
            retries=tally.retries,
            reasons_counted=parts.rejects.counted,
            warnings=tally.warnings,
            rejects_path=str(path) if path else None,
            settings=parts.settings(self._memory.note),
            notes=self._notes(parts),
            message=_message(parts, ending, counts),
            began=self._began_at,
            pace=(counts.read - tally.done_before) / seconds,
            commands=self._plan.commands,
            # no lambda, which could not be pickled: reports are sent between processes
            read_rejects=partial(read_rejects, parts.rejects.path),
        )

    def _notes(self, parts: Parts) -> tuple[str, ...]:
        # a limit that the user did not set is listed among the choices instead
        is_set_by_user = "max_memory" in parts.plan.settings and self._memory.note
        erased = did_erase_note(parts.pipeline.tally.erased, parts.target)
        return (
            *parts.notes(),
            *erased,
            *([self._memory.note] if is_set_by_user else []),
        )


def _message(parts: Parts, ending: Ending, counts: Counts) -> str:
    """Return why a run ended early and how to continue; empty if it did not."""
    if ending.status == "loaded":
        return ""
    next_step = how_to_continue(parts, counts, ending.error)
    return (what_ended(parts, ending.error) + next_step).rstrip()


def _return_or_raise(report: Report, ending: Ending, *, has_waiting: bool) -> Report:
    error = ending.error
    if error is None:
        return report
    if isinstance(error, RejectLimitError):
        raise RejectLimitError(report.message, report=report) from error.__cause__
    is_wrong_setting = isinstance(error, ConfigError) and not report.counts.read
    if is_wrong_setting and has_waiting:
        raise ConfigError(report.message) from error
    if is_wrong_setting or not isinstance(error, PropLoadError):
        raise error
    if isinstance(error, ConfigError):
        # callers take a ConfigError to mean that nothing was read
        code = error.exit_code
        raise LoadError(report.message, report=report, exit_code=code) from error
    # the new message includes that of `error`: chain to what caused it
    cause = error.__cause__ or error
    raise load_error_for(error, report.message, report=report) from cause
