"""Sessions that are opened before they are asked for.

To open one takes as long as some ten statements, and a run needs several: so a thread
opens them while the run looks at settings, schema and table.
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

#: How long the end waits for a session that is being opened: ten times what it takes.
#: One that comes later is closed when it comes.
CLOSE_SECONDS = 1.0

_Coming: TypeAlias = "Future[Connection]"


class Preconnector:
    """Opens sessions in a thread of its own, for whoever asks later.

    Args:
        open_session: Opens one; called in that thread.
    """

    def __init__(self, open_session: Callable[[], Connection]) -> None:
        self._open_session = open_session
        self._guard = threading.Lock()
        self._coming: deque[_Coming] = deque()
        self._threads: list[threading.Thread] = []

    def preconnect(self, count: int, /) -> None:
        """Begin to open so many sessions, and return at once."""
        coming: list[_Coming] = [Future() for _ in range(count)]
        thread = threading.Thread(
            target=self._open, args=(coming,), name="propload-sessions", daemon=True
        )
        with self._guard:
            self._coming.extend(coming)
            self._threads.append(thread)
        start_thread(thread)

    def take(self) -> Connection | None:
        """Return a session that was expected, or None where there is none.

        One that is about to open is waited for. None also stands for one that could not
        be opened: the caller opens it and meets the error.
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
        """Close the sessions that nobody took; those on their way when they come."""
        with self._guard:
            left, self._coming = self._coming, deque()
        for coming in left:
            if not coming.cancel():
                coming.add_done_callback(_close)
        for thread in self._threads:
            # one whose start a signal has broken off cannot be joined
            if thread.is_alive():
                thread.join(CLOSE_SECONDS)

    def _open(self, expected: Iterable[_Coming]) -> None:
        for coming in expected:
            if not coming.set_running_or_notify_cancel():
                continue
            try:
                session = self._open_session()
            except BaseException as error:  # noqa: BLE001 - for who takes it
                coming.set_exception(error)
            else:
                coming.set_result(session)


def _close(coming: _Coming) -> None:
    if coming.exception() is None:
        coming.result().close()
