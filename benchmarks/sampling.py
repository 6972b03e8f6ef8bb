"""Sample a value at regular intervals while other code runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Sample = TypeVar("Sample")


@contextmanager
def sample_values(
    take: Callable[[], Sample], every: float, /
) -> Iterator[list[Sample]]:
    """Yield a list to which samples are added: at the start, meanwhile, at the end.

    Args:
        take: Returns a sample; called in a thread meanwhile.
        every: Seconds between two samples.
    """
    samples = [take()]
    ended = threading.Event()

    def collect() -> None:
        while not ended.wait(every):
            samples.append(take())

    thread = threading.Thread(target=collect, name="benchmark-sampling", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
        samples.append(take())
