"""Sessions whose connection broke, which the server may keep open with their locks.

A connection that a firewall or NAT has forgotten is dead on this side only: the server
waits for the next statement, and another attempt at the transaction would wait for the
locks of the lost one.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql.sessions import TERMINATE_SESSION

if TYPE_CHECKING:
    from propload.postgres.session.statements import Statements

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backend:
    """The server process of a session, identified uniquely.

    Attributes:
        pid: Its process id, which may be reused once it has ended.
        started: When it began, as the server reports it.
    """

    pid: int
    started: str | None


class LostSessions:
    """Sessions whose connection broke, until the server is known to have ended them.

    Threads share it: each ends the sessions that any of them has lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost: set[Backend] = set()

    @property
    def are_left(self) -> bool:
        """Whether the server may still keep any of them."""
        with self._lock:
            return bool(self._lost)

    def add(self, backend: Backend, /) -> None:
        """Add a session whose connection broke."""
        with self._lock:
            self._lost.add(backend)

    def end(self, session: Statements, /) -> None:
        """Make the server end those that still exist, and wait for that.

        Args:
            session: A session without an open transaction.

        Raises:
            ServerError: The connection is gone.
        """
        with self._lock:
            lost = list(self._lost)
        for backend in lost:
            if _terminate(session, backend):
                with self._lock:
                    self._lost.discard(backend)


def _terminate(session: Statements, backend: Backend) -> bool:
    """Return whether the server has ended a session, or refuses to do so."""
    try:
        rows = session.rows(TERMINATE_SESSION, (backend.pid, backend.started))
        session.commit()
    except ServerError as error:
        if error.sqlstate is None:
            raise
        session.rollback()
        log.debug("session %d cannot be ended: %s", backend.pid, error)
        return True
    if rows:
        log.info("a session whose connection broke was still open: the server ends it")
    return all(ended for (ended,) in rows)
