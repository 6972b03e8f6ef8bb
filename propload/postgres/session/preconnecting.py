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

_Coming: TypeAlias = "Future[Connection]"


class Preconnector:
    """Opens sessions in a separate thread, to be taken later.

    Args:
        open_session: Opens a session; called in that thread.
    """

    def __init__(self, open_session: Callable[[], Connection]) -> None:
        self._open_session = open_session
        self._guard = threading.Lock()
        self._coming: deque[_Coming] = deque()
        self._threads: list[threading.Thread] = []

    def preconnect(self, count: int, /) -> None:
        """Start opening `count` sessions, and return immediately."""
        coming: list[_Coming] = [Future() for _ in range(count)]
        thread = threading.Thread(
            target=self._open, args=(coming,), name="propload-sessions", daemon=True
        )
        with self._guard:
            self._coming.extend(coming)
            self._threads.append(thread)
        start_thread(thread)

    def take(self) -> Connection | None:
        """Return a session opened in advance, or None if there is none.

        Waits for a session that is being opened. Also returns None if opening it
        failed: the caller then opens one itself, and gets the error.
        """
        with self._guard:
            coming = self._coming.popleft() if self._coming else None
        if coming is None or coming.cancel():
            return None
        try:
            return coming.result()
        except PropLoadError as error:
            log.debug("a session was not opened ahead: %s", error)
            return None

    def close(self) -> None:
        """Close the sessions that were not taken, and those being opened once open."""
        with self._guard:
            left, self._coming = self._coming, deque()
        for coming in left:
            if not coming.cancel():
                coming.add_done_callback(_close)
        for thread in self._threads:
            # a thread whose start was interrupted by a signal cannot be joined
            if thread.is_alive():
                thread.join(CLOSE_SECONDS)

    def _open(self, expected: Iterable[_Coming]) -> None:
        for coming in expected:
            if not coming.set_running_or_notify_cancel():
                continue
            try:
                session = self._open_session()
            except BaseException as error:  # noqa: BLE001 - raised for the taker
                coming.set_exception(error)
            else:
                coming.set_result(session)


def _close(coming: _Coming) -> None:
    if coming.exception() is None:
        coming.result().close()
