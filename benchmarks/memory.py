"""How much memory does a load take, in flight and at its peak?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.alone import load_alone
from benchmarks.listings import listings
from benchmarks.measuring import Case, Options, main, measure, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.scratch import Scratch

NAME = "memory"
QUESTION = "How much memory does a load take, in flight and at its peak?"
ROWS = 1_000_000
BY = ("batch_rows", "workers")
CASES = (("auto", "auto"), (10_000, 2), (50_000, 2), (100_000, 2), (50_000, 8))


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run: base, peak, after and Arrow's share in MB."""
    path = scratch.state / "memory.parquet"
    listings(options.rows).write_parquet(path, row_group_size=100_000)
    return measure(_cases(scratch, path, options.rows), options, warm=0)


def conclude(frame: pl.DataFrame) -> str:
    """Return what the default settings take."""
    table = summarize(frame, by=BY).filter(pl.col("batch_rows") == "auto")
    ours = table.row(0, named=True)
    return (
        f"{ours['rows']:,} rows by default: base {ours['base_mb']:,.0f} MB, peak "
        f"{ours['peak_mb']:,.0f} MB. Rows of {ours['arrow_mb']:,.0f} MB in Arrow were "
        f"in flight and took {ours['times_arrow']:.1f} times that. The project's first "
        "plan took 2,000 to 3,000 bytes of every row of the input."
    )


def _cases(scratch: Scratch, path: Path, rows: int) -> Iterator[Case]:
    for batch_rows, workers in CASES:

        def run(
            batch_rows: int | str = batch_rows, workers: int | str = workers
        ) -> dict[str, float]:
            use = load_alone(
                str(path), scratch, "target", batch_rows=batch_rows, workers=workers
            )
            return {
                "base_mb": use.base / 1e6,
                "peak_mb": use.peak / 1e6,
                "after_mb": use.after / 1e6,
                "arrow_mb": use.arrow / 1e6,
                "times_arrow": (use.peak - use.base) / use.arrow,
                "load_seconds": use.seconds,
            }

        yield Case(
            {"batch_rows": str(batch_rows), "workers": str(workers)},
            rows,
            run,
            lambda: scratch.create("target"),
        )


if __name__ == "__main__":
    main(sys.modules[__name__])
