"""How many workers are worth their connections?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.listings import changed, listings
from benchmarks.loads import load
from benchmarks.measuring import Case, Options, main, measure, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Scratch

NAME = "workers"
QUESTION = "How many workers are worth their connections?"
ROWS = 300_000
#: So near the fastest counts as equally fast.
NEAR = 0.95
BY = ("work", "batch_rows", "workers")
WORKERS = (1, 2, 4, 8, 16)
SIZES = (5_000, 50_000)
NEW = "new table"
CHANGED = "20 % changed"


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run: into a new table, and with a fifth of the rows changed."""
    return measure(_cases(scratch, options.rows), options)


def conclude(frame: pl.DataFrame) -> str:
    """Return the fewest workers that are nearly as fast as the best number."""
    lines = []
    table = summarize(frame, by=BY)
    for (work, batch_rows), rows in table.group_by(
        "work", "batch_rows", maintain_order=True
    ):
        fastest = rows.get_column("rows_per_second").max()
        good = rows.filter(pl.col("rows_per_second") >= NEAR * pl.lit(fastest))
        best = good.sort("workers").row(0, named=True)
        lines.append(
            f"{work}, batches of {batch_rows:,}: {best['workers']} workers are enough "
            f"({best['rows_per_second']:,.0f} rows/s)"
        )
    return "\n".join(lines)


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    fresh = listings(rows)
    scratch.fill("stored", fresh)
    for size in SIZES:
        # small batches tell their pace sooner
        new = fresh.head(size * 20)
        made = scratch.digest_of(new)
        for workers in WORKERS:
            yield _case(scratch, NEW, new, made, (size, workers))
    later = changed(fresh, 0.2)
    made = scratch.digest_of(later)
    for workers in WORKERS:
        yield _case(scratch, CHANGED, later, made, (max(SIZES), workers))


def _case(
    scratch: Scratch,
    work: str,
    rows: pl.DataFrame,
    expected: tuple[int, int],
    setting: tuple[int, int],
) -> Case:
    size, workers = setting

    def run() -> dict[str, float]:
        report = load(rows, scratch, "target", batch_rows=size, workers=workers)
        return {"peak_mb": report.peak_memory_bytes / 1e6}

    def prepare() -> None:
        if work == NEW:
            scratch.fresh("target")
        else:
            scratch.copy_of("stored", "target")

    return Case(
        {"work": work, "batch_rows": size, "workers": workers},
        rows.height,
        run,
        prepare,
        lambda: scratch.verify("target", expected),
    )


if __name__ == "__main__":
    main(sys.modules[__name__])
