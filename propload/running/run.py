"""One run: it begins, moves its rows, and ends with a report, whatever happens."""

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
    stopped,
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
    way_on,
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
        status: The word for it.
        error: What ended it early, or None.
    """

    status: Status
    error: BaseException | None = None


class Run:
    """One load of a source into a table; it is executed once.

    Args:
        source: Where rows come from.
        plan: What holds for the run.
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
        """Load the source and return what happened.

        Raises:
            LoadError: The run stopped early; it carries the report, and is an error of
                the kind that ended it as well.
            PropLoadError: The run could not begin.
            KeyboardInterrupt: It was stopped before it began.
        """
        self._metrics.begin()
        with ExitStack() as told:
            parts, ending, note = self._carried_out(told)
            report = self._report(parts, ending)
            is_kept = ReportStore(self._plan.places.runs).save(report)
            # without either nothing would say that there is a run to go on with
            note.stays = not is_kept and ending.status != "loaded"
        return _returned(report, ending, kept=parts.journaling.has_waiting)

    def _carried_out(self, told: ExitStack) -> tuple[Parts, Ending, RunMarker]:
        """Return the parts, how the run ended, and its note until `told` closes."""
        try:
            with ExitStack() as stack:
                # before a row is read, whose memory is the run's
                stack.enter_context(self._memory)
                parts = self._compose(stack)
                note = told.enter_context(self._noted(parts))
                parts.fit.on_entered(note.tell_entered)
                if self._stopped.is_set():
                    parts.stop()
                ending = self._settle(parts, self._load(parts))
                self._look_for_table(parts, ending)
                return parts, ending, note
        finally:
            self._metrics.end()
            self._ended.set()

    def stop(self) -> None:
        """Read no more, commit what was read, and end with a report."""
        self._stopped.set()
        # nothing is read yet, so what it waits for (a lock) is not waited for
        while not (self._composed.wait(CANCEL_SECONDS) or self._ended.is_set()):
            self._break_off()
        if self._parts is not None:
            self._parts.stop()

    def abort(self, error: BaseException) -> None:
        """End at once: what is not committed stays in the source or the journal."""
        self._stopped.set()
        self._aborted.set()
        while not self._ended.is_set():
            if self._parts is not None:
                self._parts.pipeline.abort(error)
            self._break_off()
            self._ended.wait(CANCEL_SECONDS)

    def rest(self) -> Journal:
        """Return a journal for rows that come after the run has failed.

        Raises:
            JournalError: There is none: of a replace a part is of no use, and a run
                that never began has no table to keep rows for. Or the disk refuses.
        """
        parts = self._parts
        if parts is None or not isinstance(parts.journaling.journal, Journal):
            msg = "the run did not begin"
            raise JournalError(msg)
        if parts.target.mode == "replace":
            msg = f"a replace of {parts.target.table} takes all rows or none"
            raise JournalError(msg)
        return open_rest(parts.journaling.journal, self._plan)

    def _break_off(self) -> None:
        if self._database is not None:
            self._database.cancel()

    def _compose(self, stack: ExitStack) -> Parts:
        try:
            make_state_folder(self._plan.places.state_dir)
            opened = open_database(self._plan, stopped=self._stopped.is_set)
            database = self._database = stack.enter_context(opened)
            # the run's own lock takes one, that of the table as well
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

    def _noted(self, parts: Parts) -> AbstractContextManager[RunMarker]:
        beginning = UnfinishedRun(
            run_id=parts.run_id,
            source=self._source.name,
            target=TargetName(parts.database.label, str(parts.target.table)),
            began=self._began_at,
            pid=os.getpid(),
            way=way_on(parts),
            replayed=self._plan.replayed,
            entered=parts.continued,
        )
        return mark_running(self._plan.places.runs, beginning)

    def _load(self, parts: Parts) -> Ending:
        try:
            parts.pipeline.run()
        except RejectLimitError as error:
            return Ending("stopped", error)
        except BlockedError as error:
            return Ending("blocked", error)
        except BaseException as error:  # noqa: BLE001 - raised again with the report
            return self._failed(error)
        return Ending("interrupted" if self._stopped.is_set() else "loaded")

    def _failed(self, error: BaseException) -> Ending:
        if self._aborted.is_set():
            # what a statement or a queue says that was broken off says nothing
            error = LoadError("the run was told to stop immediately")
        return Ending("failed", error)

    def _settle(self, parts: Parts, ending: Ending) -> Ending:
        """Check the counts, and tell table, ledger and journal of the end."""
        try:
            # of a run that failed, rows on their way are still to be loaded
            parts.pipeline.tally.verify(all_read=ending.status != "failed")
            ending = self._judged(parts, ending)
            self._finish(parts, ending)
            parts.journaling.outcome.loaded = ending.status == "loaded"
        except CountsError as error:
            return Ending("failed", error)
        except PropLoadError as error:
            if ending.error is None:
                return self._failed(error)
            log.warning("the end of run %s was not noted: %s", parts.run_id, error)
        return ending

    def _look_for_table(self, parts: Parts, ending: Ending) -> None:
        """Find out what becomes of old rows that were to be replaced."""
        is_away = isinstance(ending.error, TransientWriteError)
        if ending.status == "loaded" or is_away or self._aborted.is_set():
            return
        if parts.target.mode == "replace":
            parts.look_for_table()

    def _judged(self, parts: Parts, ending: Ending) -> Ending:
        """Refuse to replace a table by nothing, or by a part."""
        if ending.status != "loaded" or parts.target.mode != "replace":
            return ending
        counts = parts.pipeline.tally.counts
        if not counts.inserted + counts.updated + counts.unchanged:
            msg = nothing_to_replace(self._source.name, parts.target)
            return Ending("failed", LoadError(msg))
        lacking = incomplete_of(self._source)
        if lacking:
            msg = f"not all rows of {self._source.name} came: {lacking}"
            return Ending("failed", LoadError(msg))
        return ending

    def _finish(self, parts: Parts, ending: Ending) -> None:
        options = parts.plan.options
        # a run that failed has waited long enough
        attempts = options.retry_attempts if ending.error is None else 1
        retry(
            lambda: parts.end(ending.status),
            RetryOptions(attempts, options.retry_seconds),
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
            # no lambda: reports are sent between processes
            read_rejects=partial(read_rejects, parts.rejects.path),
        )

    def _notes(self, parts: Parts) -> tuple[str, ...]:
        # the limit that nobody set is a choice like others, told beside the settings
        is_told = "max_memory" in parts.plan.settings and self._memory.note
        erased = did_erase_note(parts.pipeline.tally.erased, parts.target)
        return (*parts.notes(), *erased, *([self._memory.note] if is_told else []))


def _message(parts: Parts, ending: Ending, counts: Counts) -> str:
    """Return why a run ended early, and how it goes on; empty where it did not."""
    if ending.status == "loaded":
        return ""
    next_step = how_to_continue(parts, counts, ending.error)
    return (what_ended(parts, ending.error) + next_step).rstrip()


def _returned(report: Report, ending: Ending, *, kept: bool) -> Report:
    error = ending.error
    if error is None:
        return report
    if isinstance(error, RejectLimitError):
        raise RejectLimitError(report.message, report=report) from error.__cause__
    is_told_wrong = isinstance(error, ConfigError) and not report.counts.read
    if is_told_wrong and kept:
        raise ConfigError(report.message) from error
    if is_told_wrong or not isinstance(error, PropLoadError):
        raise error
    if isinstance(error, ConfigError):
        # whoever catches that takes it that nothing was read
        code = error.exit_code
        raise LoadError(report.message, report=report, exit_code=code) from error
    # the sentence is told: what is left to tell is where it comes from
    cause = error.__cause__ or error
    raise stopped(error, report.message, report=report) from cause
