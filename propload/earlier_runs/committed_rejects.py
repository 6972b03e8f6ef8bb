"""Finds the rejected rows that a run will not read again: those of committed pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.earlier_runs.reject_source import has_rows, run_replayed
from propload.errors import ConfigError
from propload.postgres.ledger.history import find_run
from propload.rejecting import RejectStore
from propload.running.choosing import open_database
from propload.running.resuming.finding import point_after_commits

if TYPE_CHECKING:
    from propload.earlier_runs.reject_source import Pieces
    from propload.postgres.ledger.run_record import RunRecord
    from propload.report import Report
    from propload.running.planning import Plan


def committed_pieces(run_id: str, plan: Plan, report: Report | None) -> Pieces | None:
    """Return the pieces whose rejected rows may be appended, or None if all may.

    An unfinished run may have rejected rows of batches that it did not commit. When it
    is resumed, it reads and rejects these rows again, so appending them now would add
    them twice. Rows written by their key may be replayed at any time.

    Raises:
        ConfigError: The run is an unfinished replace: rows added to the table now would
            be deleted with the old ones. Or it is an unfinished replay of rows that are
            still there: another replay may load them.
        LockedError: The run is still running.
    """
    if report is not None and report.status == "loaded":
        return None
    with open_database(plan) as database:
        with database.connect() as session:
            run = find_run(session, plan.places.state_dir, run_id)
        if run is not None and run.status == "loaded":
            return None
        mode, source = _mode_and_source(run, report)
        if mode == "replace":
            raise ConfigError(_unfinished_replace_message(run_id, plan))
        if plan.settings.get("mode") != "append":
            return None
        replayed = run_replayed(source)
        rejects = RejectStore(plan.places.rejects).files
        if replayed and has_rows(rejects.path(replayed)):
            raise ConfigError(_unfinished_replay_message(run_id, replayed, plan))
        point = point_after_commits(run_id, plan, database)
    return point.committed if point is not None else frozenset()


def how_to_load_uncommitted(run_id: str, plan: Plan) -> str:
    """Return what to do about the rows of pieces that are not committed."""
    commands = plan.commands
    return (
        "continue the run first, which reads and rejects them again "
        f"({commands.show_run(run_id)} says how) or, if you do not, load them from a "
        f"file ({commands.export_rejects(run_id)})"
    )


def _mode_and_source(
    run: RunRecord | None, report: Report | None
) -> tuple[object, str]:
    """Return a run's mode and source by ledger or report; None and "" if unknown."""
    if run is not None:
        return run.mode, run.source
    if report is not None:
        return report.settings.get("mode"), report.source
    return None, ""


def _unfinished_replay_message(run_id: str, replayed: str, plan: Plan) -> str:
    return (
        f"run {run_id} is a replay of the rejected rows of run {replayed} and has not "
        "ended: until then its own are among those as well. Replay them first "
        f"({plan.commands.replay(replayed)})"
    )


def _unfinished_replace_message(run_id: str, plan: Plan) -> str:
    commands = plan.commands
    return (
        f"run {run_id} was to replace its table and has not: rows that are added now "
        "would be deleted with the old ones when it does. Continue the run first "
        f"({commands.show_run(run_id)} says how), or abandon it and load its rejected "
        f"rows from a file ({commands.export_rejects(run_id)})"
    )
