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
    found = into_table(find_leftovers(plan.readable_places().journal), settings)
    if settings.get("to") is None:
        return found
    label = database_label(plan)
    return [one for one in found if one.database == label]


@names_settings(JournalSettings)
def drop_leftover(run_id: str, /, **settings: Unpack[JournalSettings]) -> int:
    """Delete the journal that a run left; return the most rows that this loses.

    The rows that a replace had gathered in its database are deleted as well, if that
    can be reached.

    Args:
        run_id: The run.
        **settings: `to`, the run's database; `state_dir`, if it is not the default.

    Raises:
        ConfigError: The journal does not exist (any more), or another setting is given.
        LockedError: The journal is being recovered.
    """
    plan = Plan.of_few(settings, JournalSettings, function="drop_leftover")
    named = find_leftover(plan, run_id)
    source = opened(named)
    is_dropped = False
    try:
        rows = named.rows
        _drop_gathered(named, plan)
        is_dropped = True
    finally:
        # release the lock after an error as well: this process may try again
        source.close(loaded=is_dropped)
    UnfinishedRunStore(plan.readable_places().runs).forget(run_id)
    return rows


def into_table(found: list[Leftover], given: TableSettings) -> list[Leftover]:
    """Return the journals for the given table, or all if none is given."""
    table = parse_table(given.get("table"))
    if table is None:
        # a table set in the environment only applies to loads
        return found
    return [one for one in found if one.about.get("table") == str(table)]


def of_database(
    found: list[Leftover], database: Database, commands: Commands
) -> list[Leftover]:
    """Return a database's journals; warn of those with its identity but another label.

    These are loaded only by naming their run: a copy of the server's files, made for
    tests for example, has the same identity, and rows loaded into it would be missing
    from the original.
    """
    for one in found:
        if one.database != database.label and _is_same(one, database):
            log.warning(
                "the journal of run %s waits for %s, which is %s at another address, "
                "or was copied to it. To load it here: %s, with the current --to",
                one.run_id,
                one.database,
                database.label,
                commands.recover(one.run_id),
            )
    return [one for one in found if one.database == database.label]


def _is_same(one: Leftover, database: Database) -> bool:
    """Return whether a database has the identity that a journal recorded."""
    return one.identity is not None and one.identity == database.identity()


def require_home(one: Leftover, database: Database, commands: Commands) -> None:
    """Raise if a journal belongs to another database.

    Raises:
        ConfigError: Neither the label nor the identity is that of the journal.
    """
    if one.database == database.label or _is_same(one, database):
        return
    msg = (
        f"the journal of run {one.run_id} belongs to {one.database}, and "
        f"{database.label} does not show that it is the same database. Pass --to as "
        "the run did; or, if that database was moved there with all its tables, "
        f"confirm it: {commands.recover(one.run_id)} --moved, with the current --to"
    )
    raise ConfigError(msg)


def _drop_gathered(one: Leftover, plan: Plan) -> None:
    """Drop the shadow of a replace, which cannot be finished without its journal."""
    if not (one.is_replace and one.is_entered):
        return
    table, meant = str(one.about.get("table")), one.database
    why = f"its database is {meant}"
    try:
        with open_database(plan) as database:
            if database.label == meant or _is_same(one, database):
                database.drop_gathered(one.run_id, table)
                return
    except PropLoadError as error:
        why = str(error)
    log.warning(
        "the rows that run %s had gathered for %s stay in %s, in a table whose comment "
        "names the run (%s): drop that table as well",
        one.run_id,
        table,
        meant,
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
    for one in find_leftovers(folder):
        if one.run_id == run_id:
            return one
    if is_in_use(folder / run_id):
        msg = (
            f"the journal of run {run_id} is in use: the run is still running, or "
            "another process is recovering it"
        )
        raise LockedError(msg)
    msg = f"no journal of run {run_id} is left. See: {plan.commands.list_journals()}"
    raise ConfigError(msg)


def opened(leftover: Leftover) -> JournalSource:
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
        raise _gone(leftover) from error
    if not source.is_there:
        # another process was removing the folder when `open` created the lock file anew
        source.close(loaded=True)
        raise _gone(leftover)
    return source


def _gone(leftover: Leftover) -> JournalGoneError:
    return JournalGoneError(
        f"no journal of run {leftover.run_id} is left: another process has recovered "
        "or dropped it meanwhile"
    )
