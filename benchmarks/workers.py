"""How many workers are worth their connections?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.listings import changed, listings
from benchmarks.loads import load
from benchmarks.measuring import Case, Options, main, measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from benchmarks.scratch import Scratch

NAME = "workers"
QUESTION = "How many workers are worth their connections?"
ROWS = 300_000
BY = ("work", "batch_rows", "workers")
WORKERS = (1, 2, 4, 8, 16)
SIZES = (5_000, 50_000)


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run: into a new table, and with a fifth of the rows changed."""
    return measure(_cases(scratch, options.rows), options)


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    fresh = listings(rows)
    later = changed(fresh, 0.2)
    scratch.fill("stored", fresh)
    for size in SIZES:
        # small batches tell their pace sooner
        part = min(rows, size * 20)
        for workers in WORKERS:
            yield _case(scratch, "new table", fresh.head(part), size, workers)
            if size == max(SIZES):
                yield _case(scratch, "20 % changed", later.head(part), size, workers)


def _case(
    scratch: Scratch, work: str, rows: pl.DataFrame, size: int, workers: int
) -> Case:
    def run() -> dict[str, float]:
        report = load(rows, scratch, "target", batch_rows=size, workers=workers)
        return {"peak_mb": report.peak_memory_bytes / 1e6}

    def prepare() -> None:
        if work == "new table":
            scratch.create("target")
        else:
            scratch.copy_of("stored", "target")

    return Case(
        {"work": work, "batch_rows": size, "workers": workers},
        rows.height,
        run,
        prepare,
    )


if __name__ == "__main__":
    main(sys.modules[__name__])
