"""How much memory does a load take, in flight and at its peak?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.isolated import load_isolated
from benchmarks.listings import listings
from benchmarks.measuring import Case, Options, main, measure, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.isolated import MemoryUse
    from benchmarks.scratch import Digest, Scratch

NAME = "memory"
QUESTION = "How much memory does a load take, in flight and at its peak?"
ROWS = 1_000_000
BY = ("batch_rows", "workers")
CASES = (("auto", "auto"), (10_000, 2), (50_000, 2), (100_000, 2), (50_000, 8))


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run, with the values of `figures`."""
    rows = listings(options.rows)
    input_rows = Input(scratch.write(rows), scratch.digest_of(rows), arrow_row(rows))
    return measure(_cases(scratch, input_rows), options, warm=0)


def conclude(frame: pl.DataFrame) -> str:
    """Return the memory that a load with default settings takes, as text."""
    table = summarize(frame, by=BY).filter(pl.col("batch_rows") == "auto")
    if table.is_empty():
        return "the default settings were not among the cases"
    ours = table.row(0, named=True)
    return (
        f"{ours['rows']:,} rows by default: base {ours['base_mb']:,.0f} MB, peak "
        f"{ours['peak_mb']:,.0f} MB, after the run {ours['after_mb']:,.0f} MB. A row "
        f"in flight took {ours.get('bytes_a_row') or 0:,.0f} bytes, "
        f"{ours.get('times_arrow') or 0:.1f} times its "
        f"{ours['arrow_bytes_a_row']:,.0f} in Arrow; {ours['arrow_mb']:,.0f} MB of "
        "Arrow were in flight at once. The "
        "project's first plan took 2 to 3 MB of every 1,000 rows of the input: "
        f"{ours['rows'] * 2 / 1_000:,.0f} to {ours['rows'] * 3 / 1_000:,.0f} MB."
    )


def arrow_row(rows: pl.DataFrame, /) -> float:
    """Return the average bytes of a row in Arrow."""
    return float(rows.to_arrow().nbytes) / max(1, rows.height)


def figures(use: MemoryUse, of_row: float, /) -> dict[str, float]:
    """Return the values that are recorded of a load.

    `base_mb`, `peak_mb` and `after_mb` are the resident memory before, at most and
    after; `arrow_mb` is the size in Arrow of the rows in flight; `bytes_a_row` is by
    how much the process grew per row in flight, and `times_arrow` the ratio of that to
    the row's size in Arrow.

    Args:
        use: The memory and time that the load took.
        of_row: The bytes of a row in Arrow.
    """
    found = {
        "seconds": use.seconds,
        "base_mb": use.base / 1e6,
        "peak_mb": use.peak / 1e6,
        "after_mb": use.after / 1e6,
        "arrow_mb": use.arrow / 1e6,
        "arrow_bytes_a_row": of_row,
    }
    if use.arrow:
        # zero if the load ended between two measurements
        found["times_arrow"] = (use.peak - use.base) / use.arrow
        found["bytes_a_row"] = found["times_arrow"] * of_row
    return found


@dataclass(frozen=True, slots=True)
class Input:
    """The input of all cases.

    Attributes:
        path: The file of the rows.
        expected: The digest of its rows.
        of_row: The bytes of a row in Arrow.
    """

    path: str
    expected: Digest
    of_row: float


def _cases(scratch: Scratch, input_rows: Input) -> Iterator[Case]:
    for batch_rows, workers in CASES:
        yield Case.of_new_table(
            scratch,
            input_rows.expected,
            {"batch_rows": str(batch_rows), "workers": str(workers)},
            input_rows.expected.rows,
            partial(_run, scratch, input_rows, batch_rows=batch_rows, workers=workers),
        )


def _run(
    scratch: Scratch, input_rows: Input, **settings: int | str
) -> dict[str, float]:
    use = load_isolated(input_rows.path, scratch, "target", **settings)
    return figures(use, input_rows.of_row)


if __name__ == "__main__":
    main(sys.modules[__name__])
