"""Advisory locks for tables, runs and shadows; and lock waits with a time limit."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from propload.errors import LockedError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.postgres.session.connection import Connection
    from propload.target import TableName

#: The SQLSTATE for a lock that could not be obtained in time.
LOCK_TIMEOUT = "55P03"
#: The time that the server may need to notice that the holder of a lock was killed.
GRACE_SECONDS = 5.0
#: Seconds between two questions whether a lock is free. A statement that waited for it
#: would keep its snapshot, so that vacuum removed nothing in the whole database.
POLL_SECONDS = 0.5


@contextmanager
def target_lock(
    connection: Connection,
    table: TableName,
    /,
    *,
    wait: float = 0.0,
    stop: threading.Event | None = None,
) -> Iterator[None]:
    """Hold the advisory lock of a target; it is lost if the session dies.

    Args:
        connection: A session that is used for nothing else meanwhile.
        table: The target.
        wait: Seconds to wait for another run to end.
        stop: Ends the wait once it is set.

    Raises:
        LockedError: Another run holds it.
    """
    subject = f"target:{table}"
    if not take(connection, subject, wait=wait, stop=stop):
        waited = f" after {wait:g} s" if wait else ""
        msg = (
            f"another run holds the lock of {table}{waited}: wait for it "
            "(--lock-wait SECONDS), or leave --lock out to load at the same time"
        )
        raise LockedError(msg)
    try:
        yield
    finally:
        # a session that is gone no longer holds it
        with suppress(ServerError):
            connection.rollback()
            release(connection, subject)


def take(
    connection: Connection,
    subject: str,
    /,
    *,
    wait: float = 0.0,
    stop: threading.Event | None = None,
) -> bool:
    """Take the lock of a subject; return whether the session has it.

    Args:
        connection: The session that is to hold the lock.
        subject: What is locked.
        wait: Seconds to wait for it.
        stop: Ends the wait once it is set.
    """
    stop = stop or threading.Event()
    deadline = time.monotonic() + wait
    while not connection.ask(locks.take(subject))[0][0]:
        left = deadline - time.monotonic()
        if left <= 0 or stop.wait(min(left, POLL_SECONDS)):
            return False
    return True


def is_free(connection: Connection, subject: str, /, *, wait: float) -> bool:
    """Return whether nobody holds or shares a lock, or it was released in time.

    Args:
        connection: A session.
        subject: What is locked.
        wait: Seconds to wait for it.
    """
    # taken for one transaction: behind a pooler in transaction mode, the statement that
    # releases a session-level lock may reach another session, and the lock would stay
    return run_in_time(connection, locks.take_for_transaction(subject), wait=wait)


def release(connection: Connection, subject: str, /) -> None:
    """Release a lock."""
    connection.ask(locks.release(subject))


def run_in_time(
    connection: Connection, query: str, params: Sequence[object] = (), /, *, wait: float
) -> bool:
    """Run and commit a query; return False if it waited too long for a lock.

    Args:
        connection: A session without an open transaction.
        query: A query that waits for a lock.
        params: Its parameters.
        wait: Seconds that each of its waits may take.
    """
    try:
        connection.execute(f"{locks.limit_wait(wait)};{query}", params)
        connection.commit()
    except ServerError as error:
        connection.rollback()
        if error.sqlstate != LOCK_TIMEOUT:
            raise
        return False
    return True
