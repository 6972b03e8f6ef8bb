"""Shadows of earlier replaces: what stands with them, and which of them are dropped.

The shadow of a run that failed stays, so that the run can be continued. The next
replace of a table of the same namespace removes it, unless nobody could read its rows
again: the journal of such a run has let go of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from propload.postgres.ledger.access import LedgerAccess
from propload.postgres.session import failures, locking
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import ledger, swapping
from propload.postgres.sql.locks import limit_wait
from propload.postgres.sql.tables import drop_statement
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.messages.suggested_commands import Commands
    from propload.postgres.session.connection import Connection

log = logging.getLogger(__name__)

#: Letters of the run's hash in a shadow's name: no two runs of one database meet.
_LETTERS = 20
#: Dropping a shadow locks what it refers to: how long it waits, and readers behind it.
DROP_SECONDS = 0.5
#: After how many days each replace reports a shadow that is kept for its journal.
TOLD_AFTER_DAYS = 7


@dataclass(frozen=True, slots=True)
class Remark:
    """What stands with a shadow, for runs that know nothing else of it.

    Attributes:
        run: The run that fills it.
        target: The table whose place it is to take.
        since: When it was made, ISO 8601.
        journaled: Whether it holds rows that nobody can read again.
        columns: The columns that rows came with.
    """

    run: str
    target: str
    since: str
    journaled: bool = False
    columns: Sequence[str] = ()

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """Return the remark of a text, or None where that is something else."""
        try:
            return cls(**json.loads(text or ""))
        except (TypeError, ValueError):
            return None

    @property
    def text(self) -> str:
        """The remark as it stands with the shadow."""
        return json.dumps(asdict(self))

    @property
    def is_old(self) -> bool:
        """Whether somebody may have forgotten the run."""
        age = datetime.now(UTC) - datetime.fromisoformat(self.since)
        return age > timedelta(days=TOLD_AFTER_DAYS)


def name_of(run_id: str, target: str, /) -> str:
    """Return the name of the shadow in which a run gathers the rows of a table."""
    told = f"{run_id} {target}".encode()
    return swapping.PREFIX + hashlib.blake2b(told).hexdigest()[:_LETTERS]


def lock_of(shadow: TableName, /) -> str:
    """Return the subject of the lock that is held while a shadow is in use."""
    return f"shadow:{shadow}"


def remove_abandoned(
    connection: Connection,
    target: TableName,
    run_id: str,
    /,
    *,
    commands: Commands,
) -> None:
    """Remove shadows that nobody holds the lock of.

    Not the run's own, nor those of runs into other tables that have not ended, whose
    session may have been lost for a while, nor those of runs whose rows nobody can
    read again: `propload recover` still finishes them, whenever that is.

    Args:
        connection: A session without open work.
        target: The table that is to be replaced.
        run_id: The run.
        commands: How commands are written that find the journals of runs.
    """
    found = connection.rows(swapping.SHADOWS, (target.namespace,))
    spared = {name_of(run_id, str(target)), *_unfinished(connection, target)}
    for namespace, name, noted in found:
        other, remark = TableName(namespace, name), Remark.read(noted)
        stays = name in spared or (remark is not None and remark.journaled)
        if stays and remark is not None and remark.run != run_id and remark.is_old:
            _tell(other, remark, commands)
        if not stays and locking.take(connection, lock_of(other)):
            drop(connection, other, wait=DROP_SECONDS)
            locking.release(connection, lock_of(other))


def _unfinished(connection: Connection, target: TableName) -> list[str]:
    """Return the names of shadows of other replaces that may yet be gone on with."""
    if not LedgerAccess.of(connection).is_usable:
        return []
    runs = connection.rows(ledger.UNFINISHED_REPLACES, (str(target),))
    return [name_of(run_id, table) for run_id, table in runs]


def _tell(other: TableName, remark: Remark, commands: Commands) -> None:
    """Tell of a shadow that nobody may come back for."""
    log.warning(
        "%s has held since %s what run %s had gathered for %s: %s "
        "puts it in its place, and with --drop discards it. If the journal of "
        "that run is lost, drop the table",
        other,
        remark.since,
        remark.run,
        remark.target,
        commands.recover(remark.run),
    )


def drop_shadow(connection: Connection, run_id: str, target: str, /) -> None:
    """Drop what a replace had gathered, where it is still there.

    Args:
        connection: A session without open work.
        run_id: The run.
        target: The qualified table.
    """
    for place in connection.rows(swapping.NAMED, (name_of(run_id, target),)):
        drop(connection, TableName(*place))
    connection.rollback()


def drop(
    connection: Connection, shadow: TableName, /, *, wait: float | None = None
) -> None:
    """Drop an abandoned shadow; that it stays is no fault of this run.

    Args:
        connection: A session without open work.
        shadow: The shadow.
        wait: Seconds to wait for readers of what it refers to; None for no limit.
    """
    try:
        if wait is not None:
            connection.execute(limit_wait(wait))
        connection.execute(drop_statement(shadow))
        connection.commit()
    except ServerError as error:
        connection.rollback()
        failure = failures.classify(error)
        if wait is not None and error.sqlstate == locking.NOT_IN_TIME:
            return
        if failure.kind == "transient":
            raise
        log.warning("%s of an earlier replace stays: %s", shadow, failure.message)
