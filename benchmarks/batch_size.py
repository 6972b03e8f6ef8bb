"""Which batch size is fast, and what does it cost in waiting and memory?

Each load runs in a process of its own, so that only its own memory is measured. The
time to start and end a run is measured there too and subtracted: it would weigh most on
small sizes, which load fewer rows.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.isolated import load_isolated, numbers, push_isolated, with_commits
from benchmarks.listings import listings
from benchmarks.measuring import (
    NEAR,
    SEVERAL,
    Case,
    Options,
    fast_enough,
    main,
    measure,
    summarize,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Digest, Scratch

NAME = "batch_size"
QUESTION = "Which batch size is fast, and what does it cost in waiting and memory?"
ROWS = 800_000
BY = ("how", "batch_rows")
SIZES = (10, 100, 1_000, 5_000, 25_000, 50_000, 100_000, 200_000)
#: Rows per push; the loader joins them into batches.
PUSHES = (100, 1_000, 10_000)
#: Batches loaded of each size: enough to show its speed.
BATCHES = 50
#: Pushes of each size: more than batches, because they are smaller.
LOTS = 400
#: Fewest rows of a load: fewer are loaded too quickly to show a speed.
LEAST_ROWS = 2_000


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run, with `commit_ms` (push to commit) and `peak_mb`."""
    frame = measure(_cases(scratch, options.rows), options)
    return with_commits(frame, scratch, by=["batch_rows"])


def conclude(frame: pl.DataFrame) -> str:
    """Return the smallest batch size nearly as fast as the fastest, as text."""
    table = summarize(frame, by=BY).filter(pl.col("how") == "batch_rows")
    if table.is_empty():
        return "no size of a batch was among the cases"
    best = fast_enough(table).sort("batch_rows").row(0, named=True)
    return (
        f"batch_rows = {best['batch_rows']:,} is the smallest size within "
        f"{1 - NEAR:.0%} of the fastest: {best['rows_per_second']:,.0f} rows/s, "
        f"{best['commit_ms']:,.0f} ms to its commit, peak {best['peak_mb']:,.0f} MB"
    )


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    frame = listings(rows)
    made: dict[int, tuple[str, Digest]] = {}
    for how, size, most in _sizes(rows):
        part = frame.head(most)
        if part.height not in made:
            made[part.height] = scratch.write(part), scratch.digest_of(part)
        path, expected = made[part.height]
        yield Case.of_new_table(
            scratch,
            expected,
            {"how": how, "batch_rows": size},
            part.height,
            partial(_run, how, path, scratch, size),
        )


def _sizes(rows: int) -> Iterator[tuple[str, int, int]]:
    """Yield how rows are loaded, how many at a time, and how many in all."""
    for size in SIZES:
        # fewer batches would show no speed
        if size * SEVERAL <= rows:
            yield "batch_rows", size, max(size * BATCHES, LEAST_ROWS)
    for size in PUSHES:
        if size * SEVERAL <= rows:
            yield "pushed", size, size * LOTS


def _run(how: str, path: str, scratch: Scratch, size: int) -> dict[str, float]:
    if how == "batch_rows":
        return numbers(load_isolated(path, scratch, "target", batch_rows=size))
    return numbers(push_isolated(path, scratch, "target", size))


if __name__ == "__main__":
    main(sys.modules[__name__])
