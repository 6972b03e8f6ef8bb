"""Run a load in a process of its own, so that nothing else is in its memory."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl
import psutil
import pyarrow as pa

from benchmarks.candidates import Candidate
from benchmarks.listings import listings
from benchmarks.loads import commit_seconds, load, push
from benchmarks.watching import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.scratch import Scratch
    from propload.report import Report

Result = TypeVar("Result")

#: Loads of one row, which show how long starting and ending a load takes.
STARTS = 3
#: Enough rows to call everything that a load calls, too few to matter.
WARM_ROWS = 100
#: Seconds between two measurements; a batch is in flight for at least 0.1 seconds.
LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """The memory and time that a load takes in a process.

    Attributes:
        base: The resident bytes before the load, when everything is imported.
        peak: The most resident bytes during the load.
        after: The resident bytes after the load.
        arrow: The most bytes of Arrow batches held at any time: rows that were read and
            not yet committed.
        seconds: How long the load took.
        start: How long a load of one row takes: only starting and ending.
    """

    base: int
    peak: int
    after: int
    arrow: int
    seconds: float
    start: float

    @property
    def steady(self) -> float:
        """The seconds without starting and ending, which hardly matter in long loads.

        At least a tenth of the whole: with fewer rows, the speed cannot be known.
        """
        return max(self.seconds - self.start, self.seconds / 10)


def alone(work: Callable[..., Result], /, *told: object) -> Result:
    """Return the result of a function called in a new process.

    Args:
        work: The function, defined at module level.
        *told: Its arguments.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, told)


def numbers(use: MemoryUse, /) -> dict[str, float]:
    """Return the values that a case records: seconds without start and end, memory."""
    return {
        "seconds": use.steady,
        "start_ms": 1_000 * use.start,
        "peak_mb": use.peak / 1e6,
    }


def load_alone(
    source: str, scratch: Scratch, table: str, /, **settings: Any
) -> MemoryUse:
    """Load a file in a new process, and return the memory and time it took.

    Args:
        source: The file.
        scratch: The namespace to load into.
        table: The table.
        **settings: Settings that differ from the defaults.
    """
    return alone(_load, source, scratch, table, settings)


def push_alone(source: str, scratch: Scratch, table: str, lot: int, /) -> MemoryUse:
    """Push a file's rows in a new process, and return the memory and time it took.

    Args:
        source: The file, which is read before the measurement.
        scratch: The namespace to load into.
        table: The table.
        lot: The number of rows per push.
    """
    return alone(_push, source, scratch, table, lot)


def with_commits(
    frame: pl.DataFrame, scratch: Scratch, /, *, by: Sequence[str]
) -> pl.DataFrame:
    """Return the lines of a benchmark with `commit_ms`, the time from push to commit.

    Args:
        frame: The frame from `measure`.
        scratch: The namespace to load into.
        by: The columns with the arguments of `commit_seconds`: the number of rows per
            push, and optionally the workers.
    """
    if frame.is_empty():
        return frame
    told = frame.select(by).unique(maintain_order=True)
    waits = [1_000 * alone(commit_seconds, scratch, *each) for each in told.rows()]
    timed = told.with_columns(commit_ms=pl.Series(waits))
    return frame.join(timed, on=by, maintain_order="left")


def _load(
    source: str, scratch: Scratch, table: str, settings: dict[str, Any]
) -> MemoryUse:
    return _used(lambda given, to: load(given, scratch, to, **settings), source, table)


def _push(source: str, scratch: Scratch, table: str, lot: int) -> MemoryUse:
    rows = pl.read_parquet(source)
    return _used(lambda given, to: push(given, scratch, to, lot), rows, table)


def _used(run: Callable[[Any, str], Report], given: object, table: str) -> MemoryUse:
    # a first load, so that what it imports and compiles is part of the base
    run(listings(WARM_ROWS), f"{table}_warm")
    one = listings(1)
    start = median(_seconds(run, one, f"{table}_warm") for _ in range(STARTS))
    base = _resident()
    began = time.perf_counter()
    with watched(pa.total_allocated_bytes, LOOK_SECONDS) as arrow:
        report = run(given, table)
    seconds = time.perf_counter() - began
    after = _resident()
    return MemoryUse(base, report.peak_memory_bytes, after, max(arrow), seconds, start)


def _seconds(run: Callable[[Any, str], Report], given: object, table: str) -> float:
    began = time.perf_counter()
    run(given, table)
    return time.perf_counter() - began


def grown_alone(name: str, source: Path, scratch: Scratch, table: str, /) -> int:
    """Return the bytes by which a new process grows while a candidate upserts rows.

    Args:
        name: The candidate.
        source: A Parquet file of the rows, which is read before and not counted.
        scratch: The namespace to load into.
        table: The table, which holds these rows afterwards.
    """
    return alone(_grown, name, source, scratch, table)


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
    with watched(_resident, LOOK_SECONDS) as resident:
        one.load(given, scratch, table)
    return max(resident) - base


def _resident() -> int:
    """Return the resident bytes of this process and of all its child processes."""
    process = psutil.Process()
    size = int(process.memory_info().rss)
    for program in process.children(recursive=True):
        # a process that has just ended takes no memory
        with suppress(psutil.NoSuchProcess):
            size += int(program.memory_info().rss)
    return size
