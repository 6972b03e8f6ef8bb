"""Log what a load is waiting for when a session takes long to open."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

#: A session usually opens in a hundredth of this. A pooler may silently keep one
#: waiting for minutes; a host that does not answer is given up sooner
#: (`connect_timeout`).
SLOW_SECONDS = 15.0


@contextmanager
def warn_if_slow(place: str, /) -> Iterator[None]:
    """Log a warning, once, if the block takes longer than `SLOW_SECONDS`.

    Args:
        place: Host and database, for the message.
    """
    message = "%s has given no session for %g s: a pooler does when another one ends"
    timer = threading.Timer(SLOW_SECONDS, log.warning, (message, place, SLOW_SECONDS))
    timer.name, timer.daemon = "propload-patience", True
    start_thread(timer)
    try:
        yield
    finally:
        timer.cancel()
