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
    rows = listings(options.rows)
    rows.write_parquet(path, row_group_size=100_000)
    expected = scratch.digest_of(rows)
    return measure(_cases(scratch, path, expected), options, warm=0)


def conclude(frame: pl.DataFrame) -> str:
    """Return what the default settings take."""
    table = summarize(frame, by=BY).filter(pl.col("batch_rows") == "auto")
    if table.is_empty():
        return "the default settings were not among the cases"
    ours = table.row(0, named=True)
    return (
        f"{ours['rows']:,} rows by default: base {ours['base_mb']:,.0f} MB, peak "
        f"{ours['peak_mb']:,.0f} MB. Rows of {ours['arrow_mb']:,.0f} MB in Arrow were "
        f"in flight and took {ours.get('times_arrow') or 0:.1f} times that. The "
        "project's first plan took 2 to 3 MB of every 1,000 rows of the input: "
        f"{ours['rows'] * 2 / 1_000:,.0f} to {ours['rows'] * 3 / 1_000:,.0f} MB."
    )


def _cases(scratch: Scratch, path: Path, expected: tuple[int, int]) -> Iterator[Case]:
    for batch_rows, workers in CASES:

        def run(
            batch_rows: int | str = batch_rows, workers: int | str = workers
        ) -> dict[str, float]:
            use = load_alone(
                str(path), scratch, "target", batch_rows=batch_rows, workers=workers
            )
            found = {
                "seconds": use.seconds,
                "base_mb": use.base / 1e6,
                "peak_mb": use.peak / 1e6,
                "after_mb": use.after / 1e6,
                "arrow_mb": use.arrow / 1e6,
            }
            if use.arrow:
                # a load that ends between two looks was not seen to hold any
                found["times_arrow"] = (use.peak - use.base) / use.arrow
            return found

        yield Case(
            {"batch_rows": str(batch_rows), "workers": str(workers)},
            expected[0],
            run,
            lambda: scratch.fresh("target"),
            lambda: scratch.verify("target", expected),
        )


if __name__ == "__main__":
    main(sys.modules[__name__])
