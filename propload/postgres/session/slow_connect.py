"""A word of what a load waits for where a session does not come."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

#: A session opens in a hundredth of it. A pooler lets one wait for minutes in silence;
#: a line that is silent is given up before (`connect_timeout`), and is no pooler.
SLOW_SECONDS = 15.0


@contextmanager
def told_if_slow(place: str, /) -> Iterator[None]:
    """Log once that a session does not come, if the block takes long.

    Args:
        place: Host and database, for people.
    """
    said = "%s has given no session for %g s: a pooler does when another one ends"
    told = threading.Timer(SLOW_SECONDS, log.warning, (said, place, SLOW_SECONDS))
    told.name, told.daemon = "propload-patience", True
    start_thread(told)
    try:
        yield
    finally:
        told.cancel()
