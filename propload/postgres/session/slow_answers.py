"""Log what a load is waiting for when the server takes long to answer."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from propload.errors import PropLoadError
from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

#: A session usually opens in a hundredth of this. A pooler may silently keep one
#: waiting for minutes; a host that does not answer is given up sooner
#: (`connect_timeout`).
SLOW_SECONDS = 15.0


@contextmanager
def warn_if_no_session(place: str, /) -> Iterator[None]:
    """Log a warning, once, if the block takes longer than `SLOW_SECONDS`.

    Args:
        place: Host and database, for the message.
    """
    message = "%s has given no session for %g s: a pooler does when another one ends"
    timer = _timer(message, place, SLOW_SECONDS)
    start_thread(timer)
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def warn_if_no_commit(place: str, pid: int, /) -> Iterator[None]:
    """Log a warning, once, if the commit in the block takes as long.

    Args:
        place: Host and database, for the message.
        pid: The process id of the session.
    """
    message = (
        "%s has not answered a COMMIT for %g s. If synchronous_standby_names is set, "
        "it waits for a standby while pg_stat_activity has the wait_event SyncRep "
        "for process %d"
    )
    timer = _timer(message, place, SLOW_SECONDS, pid)
    # whatever becomes of the warning, the commit is made
    with suppress(PropLoadError, RuntimeError):
        start_thread(timer)
    try:
        yield
    finally:
        timer.cancel()


def _timer(message: str, *values: object) -> threading.Timer:
    timer = threading.Timer(SLOW_SECONDS, log.warning, (message, *values))
    timer.name, timer.daemon = "propload-patience", True
    return timer
