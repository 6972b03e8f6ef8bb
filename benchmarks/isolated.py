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
from benchmarks.sampling import sample_values

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
SAMPLE_SECONDS = 0.01


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


def run_isolated(function: Callable[..., Result], /, *args: object) -> Result:
    """Return the result of a function called in a new process.

    Args:
        function: The function, defined at module level.
        *args: Its arguments.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def numbers(use: MemoryUse, /) -> dict[str, float]:
    """Return the values that a case records: seconds without start and end, memory."""
    return {
        "seconds": use.steady,
        "start_ms": 1_000 * use.start,
        "peak_mb": use.peak / 1e6,
    }


def load_isolated(
    source: str, scratch: Scratch, table: str, /, **settings: Any
) -> MemoryUse:
    """Load a file in a new process, and return the memory and time it took.

    Args:
        source: The file.
        scratch: The namespace to load into.
        table: The table.
        **settings: Settings that differ from the defaults.
    """
    return run_isolated(_load, source, scratch, table, settings)


def push_isolated(source: str, scratch: Scratch, table: str, lot: int, /) -> MemoryUse:
    """Push a file's rows in a new process, and return the memory and time it took.

    Args:
        source: The file, which is read before the measurement.
        scratch: The namespace to load into.
        table: The table.
        lot: The number of rows per push.
    """
    return run_isolated(_push, source, scratch, table, lot)


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
    sizes = frame.select(by).unique(maintain_order=True)
    waits = [
        1_000 * run_isolated(commit_seconds, scratch, *arguments)
        for arguments in sizes.rows()
    ]
    timed = sizes.with_columns(commit_ms=pl.Series(waits))
    return frame.join(timed, on=by, maintain_order="left")


def _load(
    source: str, scratch: Scratch, table: str, settings: dict[str, Any]
) -> MemoryUse:
    return _memory_use(
        lambda rows, to: load(rows, scratch, to, **settings), source, table
    )


def _push(source: str, scratch: Scratch, table: str, lot: int) -> MemoryUse:
    rows = pl.read_parquet(source)
    return _memory_use(lambda batch, to: push(batch, scratch, to, lot), rows, table)


def _memory_use(
    run: Callable[[Any, str], Report], rows: object, table: str
) -> MemoryUse:
    # a first load, so that what it imports and compiles is part of the base
    run(listings(WARM_ROWS), f"{table}_warm")
    single_row = listings(1)
    start = median(_seconds(run, single_row, f"{table}_warm") for _ in range(STARTS))
    base = _resident()
    began = time.perf_counter()
    with sample_values(pa.total_allocated_bytes, SAMPLE_SECONDS) as arrow:
        report = run(rows, table)
    seconds = time.perf_counter() - began
    after = _resident()
    return MemoryUse(base, report.peak_memory_bytes, after, max(arrow), seconds, start)


def _seconds(run: Callable[[Any, str], Report], rows: object, table: str) -> float:
    began = time.perf_counter()
    run(rows, table)
    return time.perf_counter() - began


def isolated_growth(name: str, source: Path, scratch: Scratch, table: str, /) -> int:
    """Return the bytes by which a new process grows while a candidate upserts rows.

    Args:
        name: The candidate.
        source: A Parquet file of the rows, which is read before and not counted.
        scratch: The namespace to load into.
        table: The table, which holds these rows afterwards.
    """
    return run_isolated(_growth, name, source, scratch, table)


def _growth(name: str, source: Path, scratch: Scratch, table: str) -> int:
    candidate = Candidate.find(name)
    if candidate is None:
        return 0
    rows = pl.read_parquet(source)
    converted = candidate.convert(rows, scratch)
    candidate.clear(scratch, table)
    candidate.load(candidate.convert(rows.head(WARM_ROWS), scratch), scratch, table)
    candidate.clear(scratch, table)
    base = _resident()
    with sample_values(_resident, SAMPLE_SECONDS) as resident:
        candidate.load(converted, scratch, table)
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
