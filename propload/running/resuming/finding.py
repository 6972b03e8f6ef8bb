"""Finds the run to resume, and the row to resume at."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from propload.errors import ConfigError, LockedError
from propload.journal import JournalSource
from propload.postgres.ledger.history import find_point, find_run, runs_of
from propload.postgres.ledger.run_record import RunRecord
from propload.postgres.session.locking import GRACE_SECONDS, is_free, take
from propload.postgres.sql.ledger import open_pieces_lock
from propload.running.journaling import is_journaled
from propload.running.resuming.lost_runs import LostRuns
from propload.running.resuming.requirements import (
    require_ledger,
    require_same_run,
    require_same_target,
    require_whole_replace,
    vanished_rows_clause,
)
from propload.running.resuming.rewriting import rewrite_partial_batches
from propload.running.resuming.settings_fingerprint import (
    meaning_of,
    settings_fingerprint,
)

if TYPE_CHECKING:
    from propload.postgres.database import Database
    from propload.postgres.ledger.history import ResumePoint
    from propload.postgres.session.connection import Connection
    from propload.running.planning import Plan
    from propload.sources.source import Source
    from propload.target import Target

log = logging.getLogger(__name__)

#: Seconds to wait for a commit that a killed process had sent. It takes longer only if
#: the server waits for a standby, or has many deferred checks to make.
COMMIT_SECONDS = 60.0


def begin_record(
    source: Source, target: Target, plan: Plan, fingerprint: str | None
) -> RunRecord:
    """Return a run as the ledger will record it, without an id yet.

    Args:
        source: Where rows come from.
        target: The table and its rules.
        plan: The run's plan.
        fingerprint: The source's fingerprint from before it was read.

    Raises:
        ConfigError: There is no such mapping or schema.
    """
    record = RunRecord(
        run_id="",
        source=source.name,
        target=str(target.table),
        mode=target.mode,
        fingerprint=fingerprint,
    )
    return record.with_shaping(
        settings_fingerprint(plan, target),
        meaning_of(plan),
        lanes=plan.workers,
        is_journaled=is_journaled(source),
    )


@dataclass(frozen=True, slots=True)
class ResumeFinder:
    """Finds the run to resume.

    Attributes:
        database: Where the ledger is.
        plan: The plan of the run that is to begin.
        stack: Holds the run's lock until it is closed.
    """

    database: Database
    plan: Plan
    stack: ExitStack
    _claimed: set[str] = field(default_factory=set)

    def claim(self, run_id: str, *, is_new: bool = False) -> None:
        """Lock a run, so that no other process continues it at the same time.

        When this returns, any commit that its killed process had sent is either done or
        rolled back.

        Args:
            run_id: The run.
            is_new: Whether its id is new, so that no other process had the run.

        Raises:
            LockedError: The run is still running.
        """
        if run_id in self._claimed:
            return
        session = self.stack.enter_context(self.database.connect())
        if not take(session, f"run:{run_id}", wait=GRACE_SECONDS):
            msg = (
                f"run {run_id} is still running in another process: wait for it to end"
            )
            raise LockedError(msg)
        # from here on, a process that lost its lock unnoticed commits no more pieces
        if not is_new and not (
            is_free(session, open_pieces_lock(run_id), wait=COMMIT_SECONDS)
            and self.database.hold(session, run_id, wait=COMMIT_SECONDS)
        ):
            msg = (
                f"run {run_id} has a transaction in the server that does not end: "
                "try again when it has ended"
            )
            raise LockedError(msg)
        self._claimed.add(run_id)

    def point(
        self, source: Source, resume: object, record: RunRecord, target: Target
    ) -> ResumePoint | None:
        """Return where to continue reading a source, or None to read it from its start.

        Args:
            source: What is read; may be a killed run's journal.
            resume: The setting `resume`.
            record: The run that is to begin.
            target: The table and its rules.

        Raises:
            ConfigError: The run to resume is not known, or wrote in another way; the
                ledger has lost the last run, which appended rows; its table is a
                different one now; or committed rows cannot be told from the others.
            SourceError: The source has changed since, or has no fingerprint.
            LockedError: The run is still running.
        """
        if isinstance(source, JournalSource):
            return self._point_of_journal(source, record, target)
        return self._point_of_source(resume, record, target) if resume else None

    def _point_of_journal(
        self, journal: JournalSource, record: RunRecord, target: Target
    ) -> ResumePoint | None:
        """Return where to continue a killed run's journal, or None if it is new."""
        commands = self.plan.commands
        found = self.point_of(journal.folder.name, dropped_rows=journal.first_row)
        if found is None:
            require_ledger(journal, record, commands)
            return None
        facts = self.database.facts(target.table)
        require_same_target(found, record, commands)
        require_whole_replace(found, record, commands)
        if target.mode != "replace" and (lost := vanished_rows_clause(found, facts)):
            log.warning("%s: what waits in the journal is loaded alone", lost)
        return rewrite_partial_batches(found, record, facts, commands=commands)

    def _point_of_source(
        self, resume: object, record: RunRecord, target: Target
    ) -> ResumePoint | None:
        """Return where to continue a source that can be read again, or None."""
        point = self._find("" if resume is True else str(resume), record)
        if point is None:
            return None
        facts = self.database.facts(target.table)
        # until a replace ends, its rows are only in the shadow
        if target.mode != "replace" and (lost := vanished_rows_clause(point, facts)):
            msg = f"{lost}: {self._alternative(record.source)}"
            raise ConfigError(msg)
        return rewrite_partial_batches(
            point, record, facts, commands=self.plan.commands
        )

    def point_of(self, run_id: str, *, dropped_rows: int = 0) -> ResumePoint | None:
        """Return where a run continues, or None if the ledger does not know it.

        Args:
            run_id: The run.
            dropped_rows: How many of its first rows are no longer in its journal.
        """
        self.claim(run_id)
        state_dir = self.plan.places.state_dir
        with self.database.connect() as session:
            run = find_run(session, state_dir, run_id)
            if run is None:
                return None
            return find_point(session, state_dir, run, dropped_rows=dropped_rows)

    def _find(self, run_id: str, record: RunRecord) -> ResumePoint | None:
        """Return where to continue a source, or None if there is no unfinished run.

        If `run_id` is empty, the last unfinished run of this source is taken.
        """
        find = partial(self._find_named, run_id=run_id) if run_id else self._find_last
        with self.database.connect() as session:
            while (run := find(session, record)) is not None:
                require_same_run(
                    run, record, otherwise=self._alternative(record.source)
                )
                if run.run_id in self._claimed:
                    if run.status == "loaded":
                        log.warning(
                            "run %s had loaded all of %s: nothing is added, and its "
                            "counts are shown again",
                            run.run_id,
                            run.source,
                        )
                    return find_point(session, self.plan.places.state_dir, run)
                # it may have ended while this waited for the lock: look again
                self.claim(run.run_id)
        return None

    def _alternative(self, source: str) -> str:
        """Return what to do where a run cannot be resumed."""
        replayed = self.plan.replayed
        if not replayed:
            return f"load {source} again, without --resume"
        # a replay in mode append always resumes the previous one
        export = self.plan.commands.export_rejects(replayed)
        return f"load what is missing from a file ({export})"

    def _find_last(self, session: Connection, record: RunRecord) -> RunRecord | None:
        """Return the last run that can be resumed, or None.

        Raises:
            ConfigError: The ledger has lost a run that appended some of the rows.
        """
        state_dir = self.plan.places.state_dir
        runs = runs_of(session, state_dir, record.source, record.target)
        if record.mode == "append" and record.fingerprint is not None:
            self._lost_runs(record).require_entered(runs)
        return _last_unfinished(runs, record)

    def _lost_runs(self, record: RunRecord) -> LostRuns:
        return LostRuns(record.source, record.target, self.database, self.plan)

    def _find_named(
        self, session: Connection, record: RunRecord, run_id: str
    ) -> RunRecord:
        """Return the run with this id, if it can be resumed.

        Raises:
            ConfigError: There is none, or it has loaded everything.
        """
        run = find_run(session, self.plan.places.state_dir, run_id)
        if run is None:
            self._lost_runs(record).refuse(run_id)
            listing = self.plan.commands.list_runs()
            msg = f"run {run_id} is not in the ledger. See: {listing}"
            raise ConfigError(msg)
        if run.status == "loaded":
            msg = f"run {run_id} has loaded everything: there is nothing to resume"
            raise ConfigError(msg)
        return run


def point_after_commits(
    run_id: str, plan: Plan, database: Database
) -> ResumePoint | None:
    """Return where a run continues, once none of its commits is pending.

    None if the ledger does not know it. The run is locked only meanwhile. Arguments are
    as in `ResumeFinder`.

    Raises:
        LockedError: The run is still running.
    """
    with ExitStack() as stack:
        return ResumeFinder(database, plan, stack).point_of(run_id)


def _last_unfinished(runs: list[RunRecord], record: RunRecord) -> RunRecord | None:
    """Return the last run that can be resumed, of those of this source and table."""
    if record.fingerprint is None:
        # it is unknown whether these are the rows that the last run began with
        return None
    # runs of another file of that name (another machine's), or with another mapping,
    # are ignored if a run of the same rows and settings is known
    alike = [run for run in runs if _is_alike(run, record)]
    for run in (alike or runs)[:1]:
        # a loaded run leaves nothing to resume, except in an append: if the process was
        # killed after the last commit, a new run would add all rows a second time
        if run.status != "loaded" or (alike and run.mode == "append"):
            return run
    return None


def _is_alike(run: RunRecord, record: RunRecord) -> bool:
    """Return whether a run had the same rows, mode and settings."""
    return (
        run.fingerprint == record.fingerprint
        and run.mode == record.mode
        and record.compare_shaping(run) != "other"
    )
