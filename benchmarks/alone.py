"""A load in a process of its own, so that nothing else is in its memory."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import psutil
import pyarrow as pa

from benchmarks.candidates import Candidate
from benchmarks.listings import listings
from benchmarks.loads import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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
    base = _resident()
    began = time.perf_counter()
    with _watched(pa.total_allocated_bytes) as arrow:
        report = load(source, scratch, table, **settings)
    seconds = time.perf_counter() - began
    after = _resident()
    return MemoryUse(base, report.peak_memory_bytes, after, max(arrow), seconds)


def grown_alone(name: str, source: Path, scratch: Scratch, table: str, /) -> int:
    """Return the bytes by which a new process grows while a candidate upserts rows.

    Args:
        name: The candidate.
        source: A Parquet file of the rows; they are read before, so not counted.
        scratch: Where to.
        table: The table; it holds these rows afterwards.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_grown, (name, source, scratch, table))


def _grown(name: str, source: Path, scratch: Scratch, table: str) -> int:
    one = Candidate.find(name)
    if one is None:
        return 0
    rows = pl.read_parquet(source)
    given = one.taken(rows, scratch)
    one.clear(scratch, table)
    one.load(one.taken(rows.head(WARM_ROWS), scratch), scratch, table)
    one.clear(scratch, table)
    base = _resident()
    with _watched(_resident) as resident:
        one.load(given, scratch, table)
    return max(resident) - base


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


@contextmanager
def _watched(number: Callable[[], int]) -> Iterator[list[int]]:
    """Give a list that is filled with a number as it is again and again."""
    found = [number()]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            found.append(number())

    thread = threading.Thread(target=look, name="benchmark-arrow", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        found.append(number())
