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
#: Lots of a size, which are smaller.
LOTS = 400
#: Fewer rows end before they tell a pace.
LEAST_ROWS = 2_000
#: Pushes whose way to the table is timed.
TIMED = 7
#: A look this often finds the commit soon enough.
LOOK_SECONDS = 0.001


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run; `commit_ms` is from push to commit, `peak_mb` resident."""
    frame = measure(_cases(scratch, options.rows), options)
    if frame.is_empty():
        return frame
    waits = [
        {"batch_rows": size, "commit_ms": 1_000 * _commit_seconds(scratch, size)}
        for size in frame.get_column("batch_rows").unique(maintain_order=True)
    ]
    return frame.join(pl.DataFrame(waits), on="batch_rows", maintain_order="left")


def conclude(frame: pl.DataFrame) -> str:
    """Return the smallest batch size that is nearly as fast as the fastest."""
    table = summarize(frame, by=BY).filter(pl.col("how") == "batch_rows")
    if table.is_empty():
        return "no size of a batch was among the cases"
    fastest = table.get_column("rows_per_second").max()
    good = table.filter(pl.col("rows_per_second") >= NEAR * pl.lit(fastest))
    best = good.sort("batch_rows").row(0, named=True)
    return (
        f"batch_rows = {best['batch_rows']:,} is the smallest size within "
        f"{1 - NEAR:.0%} of the fastest: {best['rows_per_second']:,.0f} rows/s, "
        f"{best['commit_ms']:,.0f} ms to its commit, peak {best['peak_mb']:,.0f} MB"
    )


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    frame = listings(rows)
    made: dict[int, tuple[int, int]] = {}
    for how, size, most in _sizes(rows):
        part = frame.head(most)
        if part.height not in made:
            made[part.height] = scratch.digest_of(part)
        yield _case(scratch, (how, size), part, made[part.height])


def _sizes(rows: int) -> Iterator[tuple[str, int, int]]:
    """Give how rows come, how many at once, and how many tell the pace."""
    for size in SIZES:
        if size <= rows:
            yield "batch_rows", size, max(size * BATCHES, LEAST_ROWS)
    for size in PUSHES:
        if size <= rows:
            yield "pushed", size, size * LOTS


def _case(
    scratch: Scratch,
    kind: tuple[str, int],
    rows: pl.DataFrame,
    expected: tuple[int, int],
) -> Case:
    how, size = kind
    run = _load if how == "batch_rows" else _push
    return Case(
        {"how": how, "batch_rows": size},
        rows.height,
        lambda: run(scratch, rows, size),
        lambda: scratch.fresh("target"),
        lambda: scratch.verify("target", expected),
    )


def _load(scratch: Scratch, rows: pl.DataFrame, size: int) -> dict[str, float]:
    report = load(rows, scratch, "target", batch_rows=size)
    return {"peak_mb": report.peak_memory_bytes / 1e6}


def _push(scratch: Scratch, rows: pl.DataFrame, size: int) -> dict[str, float]:
    with propload.Loader(**place(scratch, "target")) as loader:
        for part in rows.iter_slices(size):
            loader.put(part)
    return {"peak_mb": loader.report.peak_memory_bytes / 1e6}


def _commit_seconds(scratch: Scratch, size: int) -> float:
    """Return the median seconds from a push of so many rows to its commit."""
    scratch.create("target")
    metrics = Metrics()
    found = []
    settings = place(scratch, "target")
    settings |= {"batch_seconds": 0.0, "batch_rows": size}
    with propload.Loader(metrics=metrics, **settings) as loader:
        for turn in range(TIMED):
            part = listings(size, first=turn * size)
            began = time.perf_counter()
            loader.put(part)
            while metrics.snapshot().counts.accounted < (turn + 1) * size:
                time.sleep(LOOK_SECONDS)
            found.append(time.perf_counter() - began)
    scratch.verify("target", scratch.digest_of(listings(size * TIMED)))
    # the first opens connections
    return median(found[1:])


if __name__ == "__main__":
    main(sys.modules[__name__])
