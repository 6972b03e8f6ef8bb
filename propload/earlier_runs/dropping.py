"""Drops records and rejected rows of runs that are no longer needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Unpack

from propload.earlier_runs.gone_rejects import find_rejected
from propload.earlier_runs.reject_source import rejects_of
from propload.errors import ConfigError
from propload.options import FileSettings, LedgerSettings
from propload.postgres.ledger.pruning import KeptRuns, prune_runs
from propload.rejecting import RejectStore
from propload.rejecting.lines import count_lines
from propload.running.choosing import has_database, open_database
from propload.running.planning import Plan
from propload.running.run_ids import require_run_id
from propload.settings_signature import names_settings
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRunStore
from propload.target import parse_table

if TYPE_CHECKING:
    from propload.target import TableName


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many records were deleted.

    Attributes:
        runs: Runs that were deleted from the ledger.
        reports: Reports that were deleted, and markers of killed runs, which have no
            report.
    """

    runs: int
    reports: int


@names_settings(LedgerSettings)
def drop_runs(older_than: float, **settings: Unpack[LedgerSettings]) -> Dropped:
    """Delete the records of old runs; return how many were deleted.

    Reports are deleted however their runs ended, except those of runs whose rejected
    rows are kept: a replay needs them. From the ledger, which `resume` relies on, only
    runs that loaded all their rows are deleted. Those whose journal still exists stay,
    and so do replays of rejected rows that are kept: they show that these are loaded.
    Rows, rejected rows and journals are not deleted.

    Args:
        older_than: The minimum age in days, counted from the end of a run.
        **settings: `to`, the database of the ledger; `table`, to delete only its
            runs; `state_dir`.

    Raises:
        ConfigError: The age is below zero, or beyond the calendar; `table` is not
            a name, or another setting is given.
        WriteError: The database cannot be reached, or refuses.
    """
    plan = Plan.of_few(settings, LedgerSettings, function="drop_runs")
    cutoff = _cutoff(older_than)
    folder = plan.readable_places().runs
    # the argument alone: a table set in the environment only applies to loads
    table = parse_table(settings.get("table"))
    runs = _prune_ledger(plan, cutoff, table) if has_database(plan) else 0
    reports = ReportStore(folder).drop(cutoff, table=table)
    killed = UnfinishedRunStore(folder).drop(cutoff, table=table)
    return Dropped(runs, reports + killed)


def _prune_ledger(plan: Plan, cutoff: datetime, table: TableName | None) -> int:
    """Delete old runs from the ledger; return how many."""
    rejects = map(rejects_of, RejectStore(plan.places.rejects).files.names())
    journals = (path.name for path in plan.places.journal.glob("*"))
    kept = KeptRuns(set(rejects), set(journals))
    with open_database(plan) as database, database.connect() as session:
        state_dir = plan.places.state_dir
        return prune_runs(session, state_dir, cutoff, table=table, kept=kept)


@names_settings(FileSettings)
def drop_rejects(run_id: str, **settings: Unpack[FileSettings]) -> int:
    """Delete the rejected rows of a run permanently; return how many there were.

    Args:
        run_id: The run, or a prefix of its id.
        **settings: `state_dir`, if it is not the default.

    Raises:
        ConfigError: No run is named, no such run has rejected rows, or another setting
            is given.
        LockedError: The run is still running, or is being replayed.
    """
    plan = Plan.of_few(settings, FileSettings, function="drop_rejects")
    if not run_id:
        msg = "specify which run's rejected rows to delete"
        raise ConfigError(msg)
    places = plan.readable_places()
    path = find_rejected(require_run_id(run_id), places)
    rows = count_lines(path)
    RejectStore(places.rejects).drop(path.stem)
    return rows


@names_settings(FileSettings)
def drop_old_rejects(older_than: float, **settings: Unpack[FileSettings]) -> int:
    """Delete the rejected rows of old runs permanently; return the number of runs.

    Rows of a run that is still running, and rows that are being replayed, are kept.

    Args:
        older_than: The minimum age in days, counted from the last rejected row.
        **settings: `state_dir`, if it is not the default.

    Raises:
        ConfigError: The age is below zero, or beyond the calendar; or another setting
            is given.
    """
    plan = Plan.of_few(settings, FileSettings, function="drop_old_rejects")
    return RejectStore(plan.readable_places().rejects).drop_old(_cutoff(older_than))


def _cutoff(days: float) -> datetime:
    try:
        cutoff = datetime.now(UTC) - timedelta(days=days)
    except (OverflowError, TypeError, ValueError):
        cutoff = None
    if cutoff is None or days < 0:
        msg = f"older_than is {days!r} days: give 0 or more, within the calendar"
        raise ConfigError(msg)
    return cutoff
