"""Finds, opens and drops the journals that killed runs have left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Unpack

from propload.errors import ConfigError, LockedError, PropLoadError
from propload.journal import JournalSource, Leftover, find_leftovers, is_in_use
from propload.options import JournalSettings, LedgerSettings
from propload.running.choosing import database_label, open_database
from propload.running.planning import Plan
from propload.running.run_ids import require_run_id
from propload.settings_signature import names_settings
from propload.state.unfinished_runs import UnfinishedRunStore
from propload.target import parse_table

if TYPE_CHECKING:
    from propload.messages.suggested_commands import Commands
    from propload.options import TableSettings
    from propload.postgres.database import Database

log = logging.getLogger(__name__)


class JournalGoneError(ConfigError):
    """Another process has recovered or dropped a journal since it was found."""


@names_settings(LedgerSettings)
def leftovers(**settings: Unpack[LedgerSettings]) -> list[Leftover]:
    """Return the journals that killed runs left, oldest first.

    Args:
        **settings: `table` and `to`, to return only the journals for that table or
            database; `state_dir`, if it is not the default.

    Raises:
        ConfigError: `table` is not a name, or another setting is given.
    """
    plan = Plan.of_few(settings, LedgerSettings, function="leftovers")
    journals = filter_by_table(find_leftovers(plan.readable_places().journal), settings)
    if settings.get("to") is None:
        return journals
    label = database_label(plan)
    return [leftover for leftover in journals if leftover.database == label]


@names_settings(JournalSettings)
def drop_leftover(run_id: str, **settings: Unpack[JournalSettings]) -> int:
    """Delete the journal that a run left; return the most rows that this loses.

    The rows that a replace had gathered in its database are deleted as well, if that
    can be reached.

    Args:
        run_id: The run's whole id.
        **settings: `to`, the run's database; `state_dir`, if it is not the default.

    Raises:
        ConfigError: No run is named, its journal does not exist (any more), or another
            setting is given.
        LockedError: The journal is being recovered.
    """
    if not run_id:
        msg = "specify which run's journal to delete"
        raise ConfigError(msg)
    plan = Plan.of_few(settings, JournalSettings, function="drop_leftover")
    leftover = find_leftover(plan, run_id)
    source = open_leftover(leftover)
    is_dropped = False
    try:
        rows = leftover.rows
        _drop_gathered(leftover, plan)
        is_dropped = True
    finally:
        # release the lock after an error as well: this process may try again
        source.close(loaded=is_dropped)
    UnfinishedRunStore(plan.readable_places().runs).forget(run_id)
    return rows


def filter_by_table(
    leftovers: list[Leftover], settings: TableSettings
) -> list[Leftover]:
    """Return the journals for the given table, or all if none is given."""
    table = parse_table(settings.get("table"))
    if table is None:
        # a table set in the environment only applies to loads
        return leftovers
    return [
        leftover for leftover in leftovers if leftover.about.get("table") == str(table)
    ]


def filter_by_database(
    leftovers: list[Leftover], database: Database, commands: Commands
) -> list[Leftover]:
    """Return a database's journals; warn of those with its identity but another label.

    These are loaded only by naming their run: a copy of the server's files, made for
    tests for example, has the same identity, and rows loaded into it would be missing
    from the original.
    """
    for leftover in leftovers:
        if leftover.database != database.label and _is_same_database(
            leftover, database
        ):
            log.warning(
                "the journal of run %s waits for %s, which is %s at another address, "
                "or was copied to it. To load it here: %s, with the current --to",
                leftover.run_id,
                leftover.database,
                database.label,
                commands.recover(leftover.run_id),
            )
    return [leftover for leftover in leftovers if leftover.database == database.label]


def _is_same_database(leftover: Leftover, database: Database) -> bool:
    """Return whether a database has the identity that a journal recorded."""
    return leftover.identity is not None and leftover.identity == database.identity()


def require_own_database(
    leftover: Leftover, database: Database, commands: Commands
) -> None:
    """Raise if a journal belongs to another database.

    Raises:
        ConfigError: Neither the label nor the identity is that of the journal.
    """
    if leftover.database == database.label or _is_same_database(leftover, database):
        return
    msg = (
        f"the journal of run {leftover.run_id} belongs to {leftover.database}, and "
        f"{database.label} does not show that it is the same database. Pass --to as "
        "the run did; or, if that database was moved there with all its tables, "
        f"confirm it: {commands.recover(leftover.run_id)} --moved, with the current "
        "--to"
    )
    raise ConfigError(msg)


def _drop_gathered(leftover: Leftover, plan: Plan) -> None:
    """Drop the shadow of a replace, which cannot be finished without its journal."""
    if not (leftover.is_replace and leftover.is_entered):
        return
    table, label = str(leftover.about.get("table")), leftover.database
    why = f"its database is {label}"
    try:
        with open_database(plan) as database:
            if database.label == label or _is_same_database(leftover, database):
                database.drop_gathered(leftover.run_id, table)
                return
    except PropLoadError as error:
        why = str(error)
    log.warning(
        "the rows that run %s had gathered for %s stay in %s, in a table whose comment "
        "names the run (%s): drop that table as well",
        leftover.run_id,
        table,
        label,
        why,
    )


def find_leftover(plan: Plan, run_id: str) -> Leftover:
    """Return the journal of a run.

    Raises:
        ConfigError: There is none.
        LockedError: The run is still running, or another process is recovering it.
    """
    folder = plan.readable_places().journal
    run_id = require_run_id(run_id)
    for leftover in find_leftovers(folder):
        if leftover.run_id == run_id:
            return leftover
    if is_in_use(folder / run_id):
        msg = (
            f"the journal of run {run_id} is in use: the run is still running, or "
            "another process is recovering it"
        )
        raise LockedError(msg)
    msg = f"no journal of run {run_id} is left. See: {plan.commands.list_journals()}"
    raise ConfigError(msg)


def open_leftover(leftover: Leftover) -> JournalSource:
    """Return a journal as a source, locked for this process.

    Raises:
        LockedError: Another process has begun to recover it.
        JournalGoneError: Another process has recovered or dropped it meanwhile.
    """
    source = JournalSource(leftover.folder, name=str(leftover.about["source"]))
    try:
        source.open()
    except BlockingIOError as error:
        msg = f"the journal of run {leftover.run_id} is being recovered already"
        raise LockedError(msg) from error
    except FileNotFoundError as error:
        raise _gone_error(leftover) from error
    if not source.is_there:
        # another process was removing the folder when `open` created the lock file anew
        source.close(loaded=True)
        raise _gone_error(leftover)
    return source


def _gone_error(leftover: Leftover) -> JournalGoneError:
    return JournalGoneError(
        f"no journal of run {leftover.run_id} is left: another process has recovered "
        "or dropped it meanwhile"
    )
