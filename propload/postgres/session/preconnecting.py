"""Open sessions before they are needed.

Opening a session takes as long as about ten statements, and a run needs several. So a
thread opens them while the run looks at settings, schema and table.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeAlias

from propload.errors import PropLoadError
from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from propload.postgres.session.connection import Connection

log = logging.getLogger(__name__)

#: How long `close` waits for a session that is being opened, ten times what it usually
#: takes. One that opens later is closed then.
CLOSE_SECONDS = 1.0

_PendingSession: TypeAlias = "Future[Connection]"


class Preconnector:
    """Opens sessions in a separate thread, to be taken later.

    Args:
        open_session: Opens a session; called in that thread.
    """

    def __init__(self, open_session: Callable[[], Connection]) -> None:
        self._open_session = open_session
        self._guard = threading.Lock()
        self._pending: deque[_PendingSession] = deque()
        self._threads: list[threading.Thread] = []

    def preconnect(self, count: int, /) -> None:
        """Start opening `count` sessions, and return immediately."""
        pending: list[_PendingSession] = [Future() for _ in range(count)]
        thread = threading.Thread(
            target=self._open, args=(pending,), name="propload-sessions", daemon=True
        )
        with self._guard:
            self._pending.extend(pending)
            self._threads.append(thread)
        start_thread(thread)

    def take(self) -> Connection | None:
        """Return a session opened in advance, or None if there is none.

        Waits for a session that is being opened. Also returns None if opening it
        failed: the caller then opens one itself, and gets the error.
        """
        with self._guard:
            pending = self._pending.popleft() if self._pending else None
        if pending is None or pending.cancel():
            return None
        try:
            return pending.result()
        except PropLoadError as error:
            log.debug("a session was not opened ahead: %s", error)
            return None

    def close(self) -> None:
        """Close the sessions that were not taken, and those being opened once open."""
        with self._guard:
            untaken, self._pending = self._pending, deque()
        for pending in untaken:
            if not pending.cancel():
                pending.add_done_callback(_close)
        for thread in self._threads:
            # a thread whose start was interrupted by a signal cannot be joined
            if thread.is_alive():
                thread.join(CLOSE_SECONDS)

    def _open(self, expected: Iterable[_PendingSession]) -> None:
        for pending in expected:
            if not pending.set_running_or_notify_cancel():
                continue
            try:
                session = self._open_session()
            except BaseException as error:  # noqa: BLE001 - raised for the taker
                pending.set_exception(error)
            else:
                pending.set_result(session)


def _close(pending: _PendingSession) -> None:
    if pending.exception() is None:
        pending.result().close()
