"""The journals that killed runs left: which there are, whose, and to give them up."""

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
        **settings: `table` and `to`, to list only their journals; `state_dir`,
            where it is not the usual one.

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
    """Delete what a run left in its journal; return how many rows that loses at most.

    What a replace had gathered in its database goes as well, where that is reached.

    Args:
        run_id: The run.
        **settings: `to`, the run's database; `state_dir`, where it is not the usual
            one.

    Raises:
        ConfigError: There is no such journal (any more), or another setting is given.
        LockedError: It is being recovered.
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
        # whatever broke it off, it can be tried again in this process
        source.close(loaded=is_dropped)
    UnfinishedRunStore(plan.readable_places().runs).forget(run_id)
    return rows


def into_table(found: list[Leftover], given: TableSettings) -> list[Leftover]:
    """Return the journals of the table that is given, or all where none is."""
    table = parse_table(given.get("table"))
    if table is None:
        # one of the environment is for loads
        return found
    return [one for one in found if one.about.get("table") == str(table)]


def of_database(
    found: list[Leftover], database: Database, commands: Commands
) -> list[Leftover]:
    """Return the journals of a database, and tell of those that are by another name.

    These are loaded where they are named: a copy of the server's files, as for tests,
    is known by the same identity, and rows loaded into it would be lost to the other.
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
    """Whether a database is a journal's own one, under whatever address."""
    return one.identity is not None and one.identity == database.identity()


def require_home(one: Leftover, database: Database, commands: Commands) -> None:
    """Refuse a journal of another database.

    Raises:
        ConfigError: Neither address nor identity is that of the journal's own one.
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
    """Drop what a replace had gathered: without its journal nobody finishes it."""
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
        LockedError: Its run goes on, or another process recovers it.
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
    """Return a journal as a source that nobody else has.

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
        # the other one was about to remove the folder, in which the lock was made anew
        source.close(loaded=True)
        raise _gone(leftover)
    return source


def _gone(leftover: Leftover) -> JournalGoneError:
    return JournalGoneError(
        f"no journal of run {leftover.run_id} is left: another process has recovered "
        "or dropped it meanwhile"
    )
