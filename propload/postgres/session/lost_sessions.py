"""Sessions whose line broke, which the server may keep open with all their locks.

A line that a firewall or an address translation has forgotten is dead on this side
only: the server waits for the next statement, and another attempt at the transaction
would wait for its locks.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql.sessions import END_LOST

if TYPE_CHECKING:
    from propload.postgres.session.statements import Statements

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backend:
    """The server's end of a session; no two ever are equal.

    Attributes:
        pid: Its process, whose number another one gets when it has ended.
        started: When it began, as the server tells it.
    """

    pid: int
    started: str | None


class LostSessions:
    """Sessions whose line broke, until it is known that the server has ended them.

    Threads share it: each ends what any of them has lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost: set[Backend] = set()

    def add(self, backend: Backend, /) -> None:
        """Note a session of which nobody here has a use any more."""
        with self._lock:
            self._lost.add(backend)

    def end(self, session: Statements, /) -> None:
        """Have the server end those that are still there, and wait for it.

        Args:
            session: One without open work.

        Raises:
            ServerError: The connection is gone.
        """
        with self._lock:
            lost = list(self._lost)
        for backend in lost:
            if _is_ended(session, backend):
                with self._lock:
                    self._lost.discard(backend)


def _is_ended(session: Statements, backend: Backend) -> bool:
    """Whether the server has ended a session, or nothing can be done about it."""
    try:
        found = session.rows(END_LOST, (backend.pid, backend.started))
        session.commit()
    except ServerError as error:
        if error.sqlstate is None:
            raise
        session.rollback()
        log.debug("session %d cannot be ended: %s", backend.pid, error)
        return True
    if found:
        log.info("a session whose connection broke was still open: the server ends it")
    return all(ended for (ended,) in found)
