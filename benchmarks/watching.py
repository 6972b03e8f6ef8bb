"""Sample a value at regular intervals while other code runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Seen = TypeVar("Seen")


@contextmanager
def watched(look: Callable[[], Seen], every: float, /) -> Iterator[list[Seen]]:
    """Yield a list to which samples are added: at the start, meanwhile, at the end.

    Args:
        look: Returns a sample; called in a thread meanwhile.
        every: Seconds between two samples.
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
