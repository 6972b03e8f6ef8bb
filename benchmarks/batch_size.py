"""Which batch size is fast, and what does it cost in waiting and memory?"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import polars as pl

import propload
from benchmarks.listings import listings
from benchmarks.loads import load, place
from benchmarks.measuring import Case, Options, main, measure, median, summarize
from propload.monitoring.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Scratch

NAME = "batch_size"
QUESTION = "Which batch size is fast, and what does it cost in waiting and memory?"
ROWS = 400_000
#: So near the fastest counts as equally fast.
NEAR = 0.95
BY = ("how", "batch_rows")
SIZES = (10, 100, 1_000, 5_000, 25_000, 50_000, 100_000, 200_000)
#: Rows that a program pushes one lot at a time; the loader joins them.
PUSHES = (100, 1_000, 10_000)
#: So many batches of a size tell its pace.
BATCHES = 50
#: Pushes whose way to the table is timed.
TIMED = 7
#: A look this often finds the commit soon enough.
LOOK_SECONDS = 0.001


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run; `commit_ms` is from push to commit, `peak_mb` resident."""
    return measure(_cases(scratch, options.rows), options)


def conclude(frame: pl.DataFrame) -> str:
    """Return the smallest batch size that is nearly as fast as the fastest."""
    table = summarize(frame, by=BY).filter(pl.col("how") == "batch_rows")
    fastest = table.get_column("rows_per_second").max()
    good = table.filter(pl.col("rows_per_second") >= NEAR * pl.lit(fastest))
    best = good.sort("batch_rows").row(0, named=True)
    return (
        f"batch_rows = {best['batch_rows']:,} is the smallest size within "
        f"{1 - NEAR:.0%} of the fastest: {best['rows_per_second']:,.0f} rows/s, "
        f"peak {best['peak_mb']:,.0f} MB"
    )


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    frame = listings(rows)
    for size in SIZES:
        part = frame.head(min(rows, max(size * BATCHES, 2_000)))
        if size <= rows:
            yield Case(
                {"how": "batch_rows", "batch_rows": size},
                part.height,
                lambda part=part, size=size: _load(scratch, part, size),  # type: ignore[misc] # mypy has no type for a lambda's defaults
                lambda: scratch.create("target"),
                lambda part=part: _verify(scratch, part.height),  # type: ignore[misc] # as above
            )
    for size in PUSHES:
        part = frame.head(min(rows, size * 400))
        if size <= rows:
            yield Case(
                {"how": "pushed", "batch_rows": size},
                part.height,
                lambda part=part, size=size: _push(scratch, part, size),  # type: ignore[misc] # as above
                lambda: scratch.create("target"),
                lambda part=part: _verify(scratch, part.height),  # type: ignore[misc] # as above
            )


def _load(scratch: Scratch, rows: pl.DataFrame, size: int) -> dict[str, float]:
    report = load(rows, scratch, "target", batch_rows=size)
    return {"peak_mb": report.peak_memory_bytes / 1e6}


def _push(scratch: Scratch, rows: pl.DataFrame, size: int) -> dict[str, float]:
    with propload.Loader(**place(scratch, "target")) as loader:
        for part in rows.iter_slices(size):
            loader.put(part)
    report = loader.report
    return {"peak_mb": report.peak_memory_bytes / 1e6} if report else {}


def commit_seconds(scratch: Scratch, size: int, /) -> float:
    """Return the median seconds from a push of so many rows to its commit."""
    scratch.create("target")
    metrics = Metrics()
    found = []
    settings = {**place(scratch, "target"), "batch_seconds": 0.0}
    with propload.Loader(metrics=metrics, **settings) as loader:  # type: ignore[arg-type] # settings of any kind
        for turn in range(TIMED):
            part = listings(size, first=turn * size)
            began = time.perf_counter()
            loader.put(part)
            while metrics.snapshot().counts.accounted < (turn + 1) * size:
                time.sleep(LOOK_SECONDS)
            found.append(time.perf_counter() - began)
    # the first opens connections
    return median(found[1:])


def _verify(scratch: Scratch, rows: int) -> None:
    found = scratch.count("target")
    if found != rows:
        msg = f"{found:,} rows in the table, expected {rows:,}"
        raise ValueError(msg)


if __name__ == "__main__":
    main(sys.modules[__name__])
