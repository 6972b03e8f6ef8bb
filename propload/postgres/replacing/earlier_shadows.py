"""Shadows of earlier replaces: the remarks on them, and which of them are dropped.

The shadow of a run that failed is kept, so that the run can be continued. The next
replace of a table in the same namespace drops it, unless its rows could not be read
again: the journal of such a run has discarded them.
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

#: How many characters of the run's hash are in a shadow's name, so that no two runs in
#: a database have the same one.
_LETTERS = 20
#: How many seconds to wait for the locks to drop a shadow: it locks the tables that the
#: shadow refers to, and their readers wait behind it.
DROP_SECONDS = 0.5
#: After how many days a kept shadow is reported by each replace.
REPORTED_AFTER_DAYS = 7


@dataclass(frozen=True, slots=True)
class Remark:
    """The comment on a shadow, from which other runs know what it is for.

    Attributes:
        run: The run that fills it.
        target: The table that its rows are to replace.
        since: When it was created, in ISO 8601.
        journaled: Whether it has rows that cannot be read again.
        columns: The columns that rows were sent with.
    """

    run: str
    target: str
    since: str
    journaled: bool = False
    columns: Sequence[str] = ()

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """Return the remark in a comment, or None if the comment is something else."""
        try:
            return cls(**json.loads(text or ""))
        except (TypeError, ValueError):
            return None

    @property
    def text(self) -> str:
        """The text of the comment."""
        return json.dumps(asdict(self))

    @property
    def is_old(self) -> bool:
        """Whether the run may have been forgotten."""
        age = datetime.now(UTC) - datetime.fromisoformat(self.since)
        return age > timedelta(days=REPORTED_AFTER_DAYS)


def shadow_name(run_id: str, target: str, /) -> str:
    """Return the name of the shadow in which a run gathers rows for a table."""
    identity = f"{run_id} {target}".encode()
    return swapping.PREFIX + hashlib.blake2b(identity).hexdigest()[:_LETTERS]


def shadow_lock(shadow: TableName, /) -> str:
    """Return the name of the lock that is held while a shadow is in use."""
    return f"shadow:{shadow}"


def drop_abandoned(
    connection: Connection,
    target: TableName,
    run_id: str,
    /,
    *,
    commands: Commands,
) -> None:
    """Drop the shadows whose locks no process holds, and report old ones that are kept.

    That what a run had gathered is dropped is reported as well.

    These are kept: the run's own; those of replaces that may yet be continued, whose
    sessions may only have been lost for a while; and those with rows that cannot be
    read again, since `propload recover` can finish their runs at any later time.

    Args:
        connection: A session without an open transaction.
        target: The table that is to be replaced.
        run_id: The run.
        commands: Formats commands for users, with the options that find runs' journals.
    """
    shadows = connection.rows(swapping.FIND_SHADOWS, (target.namespace,))
    kept_names = {
        shadow_name(run_id, str(target)),
        *_resumable_shadows(connection, target),
    }
    for namespace, name, comment in shadows:
        shadow, remark = TableName(namespace, name), Remark.read(comment)
        is_kept = name in kept_names or (remark is not None and remark.journaled)
        if is_kept and remark is not None and remark.run != run_id and remark.is_old:
            _warn_of_old(shadow, remark, commands)
        if not is_kept and locking.take(connection, shadow_lock(shadow)):
            is_gone = drop(connection, shadow, wait=DROP_SECONDS)
            if is_gone and remark is not None and remark.columns:
                _warn_of_loss(remark)
            locking.release(connection, shadow_lock(shadow))


def _resumable_shadows(connection: Connection, target: TableName) -> list[str]:
    """Return the names of the shadows of other replaces that may yet be continued."""
    if not LedgerAccess.of(connection).is_usable:
        return []
    runs = connection.rows(ledger.UNFINISHED_REPLACES, (str(target),))
    return [shadow_name(run_id, table) for run_id, table in runs]


def _warn_of_loss(remark: Remark) -> None:
    """Warn that a run cannot be continued any longer."""
    log.warning(
        "%s: what the unfinished replace %s had gathered since %s is dropped, so it "
        "can no longer be resumed: load its source again if its rows are wanted",
        remark.target,
        remark.run,
        remark.since,
    )


def _warn_of_old(shadow: TableName, remark: Remark, commands: Commands) -> None:
    """Warn about an old shadow that is kept."""
    log.warning(
        "%s has held since %s what run %s had gathered for %s: %s "
        "puts it in its place, and with --drop discards it. If the journal of "
        "that run is lost, drop the table",
        shadow,
        remark.since,
        remark.run,
        remark.target,
        commands.recover(remark.run),
    )


def drop_shadow(connection: Connection, run_id: str, target: str, /) -> None:
    """Drop the shadow of a run, if it still exists.

    Args:
        connection: A session without an open transaction.
        run_id: The run.
        target: The qualified name of the table that it was to replace.
    """
    name = shadow_name(run_id, target)
    for namespace, table in connection.rows(swapping.FIND_TABLES, (name,)):
        drop(connection, TableName(namespace, table))
    connection.rollback()


def drop(
    connection: Connection, shadow: TableName, /, *, wait: float | None = None
) -> bool:
    """Drop an abandoned shadow; return whether it is gone.

    If the server refuses, that is only a warning.

    Args:
        connection: A session without an open transaction.
        shadow: The shadow.
        wait: How many seconds to wait for readers of the tables that it refers to; if
            that is too short, the shadow stays. None for no limit.
    """
    try:
        if wait is not None:
            connection.execute(limit_wait(wait))
        connection.execute(drop_statement(shadow))
        connection.commit()
    except ServerError as error:
        connection.rollback()
        failure = failures.classify(error)
        if wait is not None and error.sqlstate == locking.LOCK_TIMEOUT:
            return False
        if failure.kind == "transient":
            raise
        log.warning("%s of an earlier replace stays: %s", shadow, failure.message)
        return False
    return True
