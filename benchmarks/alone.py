"""A load in a process of its own, so that nothing else is in its memory."""

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

#: Loads of one row, which show how long it takes to begin and to end.
STARTS = 3
#: Enough rows to call everything that a load calls, too few to matter.
WARM_ROWS = 100
#: A batch is in flight for at least a tenth of a second.
LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What a process that loads takes.

    Attributes:
        base: Its resident bytes before the load, when everything is imported.
        peak: At most.
        after: When the load had ended.
        arrow: The Arrow batches that were held at once: rows read and not yet
            committed.
        seconds: How long the load took.
        start: How long a load of one row takes, which is all beginning and end.
    """

    base: int
    peak: int
    after: int
    arrow: int
    seconds: float
    start: float

    @property
    def steady(self) -> float:
        """The seconds without beginning and end, which hardly matter to a longer load.

        At least a tenth of all: fewer rows say nothing about the speed.
        """
        return max(self.seconds - self.start, self.seconds / 10)


def alone(work: Callable[..., Result], /, *told: object) -> Result:
    """Return what a function of a module gives in a new process.

    Args:
        work: The function.
        *told: What it is told.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, told)


def numbers(use: MemoryUse, /) -> dict[str, float]:
    """Return what a case notes of a load: its speed without beginning and end."""
    return {
        "seconds": use.steady,
        "start_ms": 1_000 * use.start,
        "peak_mb": use.peak / 1e6,
    }


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
    return alone(_load, source, scratch, table, settings)


def push_alone(source: str, scratch: Scratch, table: str, lot: int, /) -> MemoryUse:
    """Return what pushing the rows of a file takes in a new process, lot by lot.

    Args:
        source: The file; it is read before.
        scratch: Where to.
        table: The table.
        lot: How many rows are pushed at once.
    """
    return alone(_push, source, scratch, table, lot)


def with_commits(
    frame: pl.DataFrame, scratch: Scratch, /, *, by: Sequence[str]
) -> pl.DataFrame:
    """Return the lines of a benchmark with `commit_ms`, from a push to its commit.

    Args:
        frame: What `measure` returned.
        scratch: Where to.
        by: The columns that say what `commit_seconds` is told: how many rows are
            pushed, and perhaps the workers.
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
    # what is imported and compiled by the first load is part of the base
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
        source: A Parquet file of the rows; they are read before, so not counted.
        scratch: Where to.
        table: The table; it holds these rows afterwards.
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
    """Return the bytes of this process, and of the programs that it runs."""
    process = psutil.Process()
    size = int(process.memory_info().rss)
    for program in process.children(recursive=True):
        # one that has ended meanwhile takes no memory
        with suppress(psutil.NoSuchProcess):
            size += int(program.memory_info().rss)
    return size
