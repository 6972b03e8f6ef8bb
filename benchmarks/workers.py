"""How many workers are worth their connections?

Each load runs in a process of its own; the time to start and end it is not counted. Two
batch sizes are measured by default, with `--grid` six from 10 to 200,000 rows:

    python -m benchmarks.workers --grid --rows 800000 --runs 2
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.isolated import load_isolated, numbers, with_commits
from benchmarks.listings import changed, listings
from benchmarks.measuring import (
    SEVERAL,
    Case,
    Options,
    fast_enough,
    main,
    measure,
    summarize,
)
from propload.messages.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from benchmarks.scratch import Scratch

NAME = "workers"
QUESTION = "How many workers are worth their connections?"
ROWS = 300_000
TAKES_GRID = True
BY = ("work", "batch_rows", "workers")
WORKERS = (1, 2, 4, 8, 16)
SIZES = (5_000, 50_000)
GRID = (10, 100, 1_000, 10_000, 50_000, 200_000)
#: Batches loaded of each size: enough to show its speed.
BATCHES = 20
#: Fewest rows of a load: fewer are loaded too quickly to show a speed.
LEAST_ROWS = 2_000
NEW = "new table"
CHANGED = "20 % changed"


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run: into a new table, and with a fifth of the rows changed.

    `commit_ms` is the time from pushing a batch to its commit, `peak_mb` the peak of
    resident memory.
    """
    frame = measure(_cases(scratch, options), options)
    return with_commits(frame, scratch, by=["batch_rows", "workers"])


def conclude(frame: pl.DataFrame) -> str:
    """Return the smallest number of workers nearly as fast as the best, as text."""
    lines = []
    table = summarize(frame, by=BY)
    for (work, batch_rows), rows in table.group_by(
        "work", "batch_rows", maintain_order=True
    ):
        best = fast_enough(rows).sort("workers").row(0, named=True)
        enough = counted(best["workers"], "worker is", "workers are")
        lines.append(
            f"{work}, batches of {batch_rows:,}: {enough} enough "
            f"({best['rows_per_second']:,.0f} rows/s, {best['commit_ms']:,.0f} ms to a "
            f"batch's commit, peak {best['peak_mb']:,.0f} MB)"
        )
    return "\n".join(lines)


def sizes(rows: int, /, *, grid: bool) -> tuple[int, ...]:
    """Return the batch sizes whose speed this many rows can show.

    Args:
        rows: The most rows of a run.
        grid: Whether to choose from all sizes.
    """
    wanted = GRID if grid else SIZES
    large_enough = tuple(size for size in wanted if size * SEVERAL <= rows)
    return large_enough or (max(1, rows // SEVERAL),)


def _cases(scratch: Scratch, options: Options) -> Iterator[Case]:
    fresh = listings(options.rows)
    scratch.fill("stored", fresh)
    chosen = sizes(options.rows, grid=options.grid)
    for size in chosen:
        # small batches need fewer rows to show their speed
        first_rows = fresh.head(max(size * BATCHES, LEAST_ROWS))
        yield from _every(scratch, NEW, size, first_rows)
    yield from _every(scratch, CHANGED, max(chosen), changed(fresh, 0.2))


def _every(
    scratch: Scratch, work: str, size: int, rows: pl.DataFrame
) -> Iterator[Case]:
    """Yield a case for each number of workers."""
    path, expected = scratch.write(rows), scratch.digest_of(rows)
    for workers in WORKERS:
        yield Case(
            {"work": work, "batch_rows": size, "workers": workers},
            rows.height,
            partial(_pace, path, scratch, batch_rows=size, workers=workers),
            lambda: _prepare(scratch, work),
            lambda: scratch.verify("target", expected),
        )


def _pace(path: str, scratch: Scratch, **settings: int) -> dict[str, float]:
    return numbers(load_isolated(path, scratch, "target", **settings))


def _prepare(scratch: Scratch, work: str) -> None:
    if work == NEW:
        scratch.fresh("target")
    else:
        scratch.copy_of("stored", "target")


if __name__ == "__main__":
    main(sys.modules[__name__])
