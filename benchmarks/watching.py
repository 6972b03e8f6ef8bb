"""Looking at something again and again while something else goes on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Seen = TypeVar("Seen")


@contextmanager
def watched(look: Callable[[], Seen], every: float, /) -> Iterator[list[Seen]]:
    """Give a list that is filled with what is seen: at first, meanwhile, at the end.

    Args:
        look: Returns what is seen.
        every: Seconds between two looks.
    """
    found = [look()]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(every):
            found.append(look())

    thread = threading.Thread(target=watch, name="benchmark-watch", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        found.append(look())
