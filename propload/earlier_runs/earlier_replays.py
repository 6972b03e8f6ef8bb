"""Finds earlier replays of rejected rows that are still in their file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from propload.earlier_runs.reject_source import is_before, rows_begun_with
from propload.errors import ConfigError
from propload.messages.wording import counted
from propload.postgres.ledger.history import runs_of
from propload.rejecting import RejectStore
from propload.rejecting.lines import each_line
from propload.running.choosing import open_database
from propload.running.resuming.finding import point_after_commits
from propload.running.resuming.lost_runs import LostRuns
from propload.running.run_ids import moment_of
from propload.target import TableName

if TYPE_CHECKING:
    from pathlib import Path

    from propload.earlier_runs.reject_source import RejectSource
    from propload.postgres.database import Database
    from propload.postgres.ledger.run_record import RunRecord
    from propload.rejecting.lines import Line
    from propload.running.planning import Plan


@dataclass(frozen=True, slots=True)
class EarlierReplay:
    """A replay of rejected rows that are still in their file.

    Attributes:
        run: The replay, as the ledger records it.
        source: The rows that it began with; their run may have rejected more since.
    """

    run: RunRecord
    source: RejectSource

    @property
    def has_ended(self) -> bool:
        """Whether it has loaded its rows."""
        return self.run.status == "loaded"


def find_earlier_replay(source: RejectSource, plan: Plan) -> EarlierReplay | None:
    """Return an earlier replay of the same rows that did not remove them, or None.

    Only searched for in mode append: writing rows again by their key is idempotent, and
    may be done with other settings.

    Raises:
        ConfigError: The replay has added rows, with another fix or from rows that were
            edited since; or the ledger has lost it.
        LockedError: The replay is still running.
    """
    if plan.settings.get("mode") != "append":
        return None
    with open_database(plan) as database:
        runs = _replays_of(source, plan, database)
        lost_runs = LostRuns(source.name, _target(plan), database, plan)
        lost_runs.require_entered(runs)
        # earlier ones had ended, or had added nothing, when the last one began
        return _find_of_same_rows(runs[0], source, plan, database) if runs else None


def remove_abandoned(source: RejectSource, plan: Plan, *, loaded_by: str) -> None:
    """Remove rows that abandoned replays have rejected and that are loaded by now.

    A replay that added nothing may be followed by a new one. The rows that the first
    had rejected again were read by the new one too, which loaded or rejected them.

    Args:
        source: The rows that are loaded, still in their file.
        plan: The plan of the replay.
        loaded_by: The replay that has loaded them.

    Raises:
        LockedError: The rows of an abandoned replay are being replayed.
        OSError: A file cannot be changed.
        PropLoadError: The server cannot be asked for other replays.
    """
    store = RejectStore(plan.places.rejects)
    kept = set(store.files.names()) - {source.path.stem, loaded_by}
    if not kept:
        return
    with open_database(plan) as database:
        runs = _replays_of(source, plan, database)
    for run_id in (run.run_id for run in runs if run.status != "loaded"):
        if run_id in kept:
            with store.locked(run_id):
                _remove_loaded(run_id, source, store)


def _replays_of(
    source: RejectSource, plan: Plan, database: Database
) -> list[RunRecord]:
    """Return a run's replays into the table that the ledger knows, newest first."""
    with database.connect() as session:
        return runs_of(session, plan.places.state_dir, source.name, _target(plan))


def _find_of_same_rows(
    run: RunRecord, source: RejectSource, plan: Plan, database: Database
) -> EarlierReplay | None:
    """Return the last replay of a run, if its rows are still there, or None.

    Also None if it has added nothing: a new one may be started, even with other
    settings, as it will read the rows that the first had rejected.
    """
    beginning = source.beginning(rows_begun_with(run.fingerprint))
    added = 0
    if run.status != "loaded" and (
        point := point_after_commits(run.run_id, plan, database)
    ):
        run, added = point.run, point.start.counts.stored
    if run.status == "loaded":
        if beginning.is_of_same_rows(run.fingerprint):
            # even with another fix, they must not be added a second time
            return EarlierReplay(run, beginning)
        _require_nothing_left(run, source, plan)
        return None
    if not added:
        return None
    if run.fingerprint == beginning.fingerprint():
        return EarlierReplay(run, beginning)
    is_edited = not beginning.is_of_same_rows(run.fingerprint)
    advice = (
        _advice_edited(run, source, plan) if is_edited else _advice_other_fix(run, plan)
    )
    raise ConfigError(_refusal(run, added, plan, advice))


def _require_nothing_left(run: RunRecord, source: RejectSource, plan: Plan) -> None:
    """Raise if rows are left that a replay has loaded and that were edited since.

    No rows are added to a file while it is locked, so rows older than the replay are
    those that it loaded, whatever they hold now. Rows that were rejected later are not.

    Raises:
        ConfigError: There are such rows.
    """
    began = moment_of(run.run_id)
    loaded = source.count_before(began) if began else 0
    if not loaded:
        return
    run_id = source.path.stem
    which = "is" if loaded == 1 else "are"
    msg = (
        f"{counted(loaded, 'rejected row')} of run {run_id} {which} older than its "
        f"replay {run.run_id}, which has loaded all that were there, and the file was "
        "edited since: nothing is "
        "added twice. Make your changes in the table instead, then remove the "
        f"lines of {source.path} whose time is before {began:%Y-%m-%dT%H:%M:%S.%f}, or "
        f"all of them ({plan.commands.drop_rejects(run_id)})"
    )
    raise ConfigError(msg)


def _refusal(run: RunRecord, added: int, plan: Plan, advice: str) -> str:
    """Return why a replay must not start again, and what to do instead."""
    commands = plan.commands
    return (
        f"run {run.run_id} added {counted(added, 'row')} of the {run.source} "
        f"{advice}, or load from a file "
        f"({commands.export_rejects(plan.replayed)}) what the table lacks and that run "
        f"has not rejected, and {commands.drop_rejects(plan.replayed)}"
    )


def _advice_other_fix(run: RunRecord, plan: Plan) -> str:
    """Return what to do about an unfinished replay with another fix."""
    return (
        "with another fix and did not finish: continue with the fix that it had, and "
        f"replay what that rejects ({plan.commands.replay(run.run_id)}) with the new "
        "one"
    )


def _advice_edited(run: RunRecord, source: RejectSource, plan: Plan) -> str:
    """Return what to do about rows that were edited before their replay had ended."""
    problem = "before they were edited, and did not finish: nobody can tell which."
    copy = RejectStore(plan.places.rejects).copy_path(plan.replayed)
    if not _can_be_restored(copy, run, source):
        return f"{problem} Undo that"
    move = shlex.join(["mv", str(copy), str(source.path)])
    return (
        f"{problem} Restore the file as it was ({move}), replay it, then edit what "
        "that rejects"
    )


def _can_be_restored(copy: Path, run: RunRecord, source: RejectSource) -> bool:
    """Return whether a copy holds the rows of a replay, and none was rejected since."""
    copied = replace(source, path=copy, committed_pieces=None)
    if not (copy.exists() and copied.is_of_same_rows(run.fingerprint)):
        return False
    began = moment_of(run.run_id)
    lines = (line for _, line in each_line(source.path))
    return began is not None and all(is_before(began, line) for line in lines)


def _remove_loaded(run_id: str, source: RejectSource, store: RejectStore) -> None:
    """Remove the rejected rows of a replay that are among the loaded rows."""
    path = store.files.path(run_id)
    if path.exists():
        rejected = {_place(line) for _, line in each_line(path)}
        loaded = rejected.intersection(map(_place, source.lines()))
        store.keep(run_id, lambda line: _place(line) not in loaded)


def _place(line: Line) -> tuple[str, int]:
    return line["source"], line["row"]


def _target(plan: Plan) -> str:
    return str(TableName.parse(plan.settings["table"] or ""))
