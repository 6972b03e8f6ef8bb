"""Runs that the state folder still knows but the ledger has lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import ConfigError
from propload.messages.wording import counted
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRunStore
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propload.postgres.database import Database
    from propload.postgres.ledger.run_record import RunRecord
    from propload.report import Report
    from propload.running.planning import Plan
    from propload.state.unfinished_runs import UnfinishedRun

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run that wrote rows, according to its files, but that no ledger knows.

    Attributes:
        run_id: The run.
        description: What it did, as the message gives it.
        has_loaded: Whether it had loaded all its rows.
    """

    run_id: str
    description: str
    has_loaded: bool = False


@dataclass(frozen=True, slots=True)
class LostRuns:
    """Finds lost runs of a source into a table.

    Attributes:
        source: The name of the source.
        target: The qualified table.
        database: Where the table is.
        plan: The plan of the run that is to begin.
    """

    source: str
    target: str
    database: Database
    plan: Plan

    def require_entered(self, known_runs: Iterable[RunRecord]) -> None:
        """Raise if a lost run has added some of the rows that are to be appended.

        If it had added all of its rows, only log a warning: the source may hold other
        rows now.

        Args:
            known_runs: The runs of this source into this table that the ledger knows.

        Raises:
            ConfigError: The ledger has lost the run, and thus which rows are stored.
        """
        lost = self._newest(known_runs)
        if lost is None or self._is_table_empty():
            return
        if not lost.has_loaded:
            raise ConfigError(self._refusal(lost))
        log.warning(
            "%s, all that it had, and the ledger no longer knows it: if these are the "
            "same rows, they are added a second time",
            lost.description,
        )

    def refuse(self, run_id: str) -> None:
        """Raise if the run to resume is one that the ledger has lost.

        Raises:
            ConfigError: Its report or marker exists.
        """
        for lost in (*self._killed_runs(""), *self._ended_runs("")):
            if lost.run_id == run_id:
                raise ConfigError(self._refusal(lost))

    def _refusal(self, lost: LostRun) -> str:
        return (
            f"{lost.description}, and the ledger, which recorded which of its rows are "
            "stored, no longer knows it, so they might be added twice: if this user "
            "may not read the schema propload, continue as one who may; otherwise "
            f"{self._alternative()}"
        )

    def _alternative(self) -> str:
        if not self.plan.replayed:
            return "load only what the table lacks, without --resume"
        commands = self.plan.commands
        return (
            "load from a file what the table lacks "
            f"({commands.export_rejects(self.plan.replayed)}), and "
            f"{commands.drop_rejects(self.plan.replayed)}"
        )

    def _newest(self, known_runs: Iterable[RunRecord]) -> LostRun | None:
        """Return the newest lost run, if the ledger knows no newer run, or None."""
        since = max((run.run_id for run in known_runs), default="")
        kinds = (self._killed_runs(since), self._ended_runs(since))
        newest = (next(runs, None) for runs in kinds)
        return max(filter(None, newest), key=lambda run: run.run_id, default=None)

    def _killed_runs(self, since: str) -> Iterator[LostRun]:
        """Yield runs that were killed after a ledger recorded them, newest first."""
        for run in UnfinishedRunStore(self.plan.places.runs).newest():
            is_lost = run.status == "killed" and run.entered and run.run_id > since
            if is_lost and self._is_same_load(run):
                killed = f"run {run.run_id} of {self.source} was killed while it wrote"
                yield LostRun(run.run_id, f"{killed} into {self.target}")

    def _ended_runs(self, since: str) -> Iterator[LostRun]:
        """Yield runs that stored rows and ended, newest first."""
        reports = ReportStore(self.plan.places.runs)
        for report in reports.of_source(self.source, since=since):
            if _has_stored(report) and self._is_same_load(report):
                rows = counted(report.counts.stored, "row")
                wrote = f"run {report.run_id} wrote {rows} of {self.source}"
                is_loaded = report.status == "loaded"
                yield LostRun(report.run_id, f"{wrote} into {self.target}", is_loaded)

    def _is_same_load(self, run: UnfinishedRun | Report) -> bool:
        """Whether a run was of this source, into this table of this database."""
        identity = (run.source, run.target.table, run.target.database)
        return identity == (self.source, self.target, self.database.label)

    def _is_table_empty(self) -> bool:
        """Whether the table has no rows or does not exist."""
        facts = self.database.facts(TableName.parse(self.target))
        return facts is None or facts.empty


def _has_stored(report: Report) -> bool:
    """Return whether a run stored rows in its table; a replace does so at its end."""
    is_replace = report.settings.get("mode") == "replace"
    is_apart = is_replace and report.status != "loaded"
    return report.counts.stored > 0 and not is_apart
