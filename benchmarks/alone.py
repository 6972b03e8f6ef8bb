"""A load in a process of its own, so that nothing else is in its memory."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow as pa

from benchmarks.listings import listings
from benchmarks.loads import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Scratch

#: Enough to call everything that a load calls, too few to weigh.
WARM_ROWS = 100
#: A batch is in flight for a tenth of a second and more.
LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Resident bytes of a process that loads.

    Attributes:
        base: Before the load, when everything is imported.
        peak: At most.
        after: When the load had ended.
        arrow: The Arrow batches that were held at once: rows read and not yet
            committed.
        seconds: How long the load took.
    """

    base: int
    peak: int
    after: int
    arrow: int
    seconds: float


def load_alone(
    source: str, scratch: Scratch, table: str, /, **settings: Any
) -> MemoryUse:
    """Return what loading a file takes in a new process.

    Args:
        source: The file.
        scratch: Where to.
        table: The table.
        **settings: What differs from the defaults.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_load, (source, scratch, table, settings))


def _load(
    source: str, scratch: Scratch, table: str, settings: dict[str, Any]
) -> MemoryUse:
    # what is imported and compiled by the first load is part of the base
    load(listings(WARM_ROWS), scratch, f"{table}_warm", **settings)
    process = psutil.Process()
    base = process.memory_info().rss
    began = time.perf_counter()
    with _most_arrow_bytes() as arrow:
        report = load(source, scratch, table, **settings)
    seconds = time.perf_counter() - began
    after = process.memory_info().rss
    return MemoryUse(base, report.peak_memory_bytes, after, max(arrow), seconds)


@contextmanager
def _most_arrow_bytes() -> Iterator[list[int]]:
    """Give a list that is filled with the bytes that Arrow holds, again and again."""
    found = [0]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            found.append(pa.total_allocated_bytes())

    thread = threading.Thread(target=look, name="benchmark-arrow", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
