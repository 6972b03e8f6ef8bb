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
#: Each lane holds three pieces (written, next, made), the queue what waits before.
BATCHES_IN_FLIGHT = 3


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run: base, peak and after in MB, and bytes a row in flight."""
    rows = listings(options.rows)
    path = scratch.state / "memory.parquet"
    rows.write_parquet(path, row_group_size=100_000)
    arrow = rows.head(50_000).to_arrow().nbytes / min(50_000, options.rows)
    return measure(_cases(scratch, path, options.rows, arrow), options, warm=0)


def conclude(frame: pl.DataFrame) -> str:
    """Return what the default settings take."""
    table = summarize(frame, by=BY).filter(pl.col("batch_rows") == "auto")
    ours = table.row(0, named=True)
    times = ours["bytes_a_row_in_flight"] / ours["arrow_bytes_a_row"]
    return (
        f"{ours['rows']:,} rows by default: base {ours['base_mb']:,.0f} MB, peak "
        f"{ours['peak_mb']:,.0f} MB; {ours['bytes_a_row_in_flight']:,.0f} bytes a row "
        f"in flight, {times:.1f} times its Arrow size. The project's first plan took "
        "2,000 to 3,000 bytes a row."
    )


def _cases(scratch: Scratch, path: Path, rows: int, arrow: float) -> Iterator[Case]:
    for batch_rows, workers in CASES:

        def run(
            batch_rows: int | str = batch_rows, workers: int | str = workers
        ) -> dict[str, float]:
            use = load_alone(
                str(path), scratch, "target", batch_rows=batch_rows, workers=workers
            )
            size = 50_000 if batch_rows == "auto" else int(batch_rows)
            flying = min(rows, size * BATCHES_IN_FLIGHT)
            return {
                "base_mb": use.base / 1e6,
                "peak_mb": use.peak / 1e6,
                "after_mb": use.after / 1e6,
                "bytes_a_row_in_flight": (use.peak - use.base) / flying,
                "arrow_bytes_a_row": arrow,
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
