"""Advisory locks of a database: of tables, runs and shadows; and waits with a limit."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from propload.errors import LockedError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.postgres.session.connection import Connection
    from propload.target import TableName

#: The server's word for a lock that was not to be had in time.
NOT_IN_TIME = "55P03"
#: The server may take a moment to see that a process that held a lock was killed.
GRACE_SECONDS = 5.0


@contextmanager
def target_lock(
    connection: Connection, table: TableName, /, *, wait: float = 0.0
) -> Iterator[None]:
    """Hold the lock of a target; it goes with the session where that dies.

    Args:
        connection: A session that is used for nothing else meanwhile.
        table: The target.
        wait: Seconds to wait for another run to end.

    Raises:
        LockedError: Another run holds it.
    """
    subject = f"target:{table}"
    if not take(connection, subject, wait=wait):
        waited = f" after {wait:g} s" if wait else ""
        msg = (
            f"another run holds the lock of {table}{waited}: wait for it "
            "(--lock-wait SECONDS), or leave --lock out to load at the same time"
        )
        raise LockedError(msg)
    try:
        yield
    finally:
        # a session that is gone has given it back already
        with suppress(ServerError):
            connection.rollback()
            release(connection, subject)


def take(connection: Connection, subject: str, /, *, wait: float = 0.0) -> bool:
    """Return whether the session has the lock of a subject now.

    Args:
        connection: The session that shall hold it.
        subject: What is locked.
        wait: Seconds to wait for it.
    """
    taken = connection.ask(locks.take(subject))[0][0]
    return bool(taken) or (
        wait > 0 and is_done_in_time(connection, locks.wait_for(subject), wait=wait)
    )


def is_free(connection: Connection, subject: str, /, *, wait: float) -> bool:
    """Return whether nobody holds or shares a lock, or gave it back in time.

    Args:
        connection: A session.
        subject: What is locked.
        wait: Seconds to wait for it.
    """
    # until the end of a transaction: behind a pooler in transaction mode what gives a
    # session's lock back may reach another session, and nobody would get it any more
    return is_done_in_time(connection, locks.pass_through(subject), wait=wait)


def release(connection: Connection, subject: str, /) -> None:
    """Give a lock back."""
    connection.ask(locks.release(subject))


def is_done_in_time(
    connection: Connection, query: str, params: Sequence[object] = (), /, *, wait: float
) -> bool:
    """Return whether a query was done, and committed, before its waits took too long.

    Args:
        connection: A session without open work.
        query: What waits for a lock.
        params: Its parameters.
        wait: Seconds that each of its waits may take.
    """
    try:
        connection.execute(f"{locks.limit_wait(wait)};{query}", params)
        connection.commit()
    except ServerError as error:
        connection.rollback()
        if error.sqlstate != NOT_IN_TIME:
            raise
        return False
    return True
