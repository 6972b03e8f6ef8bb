"""Does it slow down as the table grows, and does memory grow with the input?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.isolated import load_isolated
from benchmarks.listings import listings
from benchmarks.loads import load
from benchmarks.measuring import Case, Options, main, measure, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.isolated import MemoryUse
    from benchmarks.scratch import Digest, Scratch

NAME = "growth"
QUESTION = "Does it slow down as the table grows, and does memory grow with the input?"
#: Rows in the table at the end: the size for which the project's aim is stated.
ROWS = 20_000_000
BY = ("what", "size")
#: Sizes of the table, besides the empty one.
STEPS = 5
#: Most rows loaded by all runs of one step; later steps are compared with the first.
FIRST = 1_000_000
LEAST_INPUT = 10_000
MOST_INPUT = 10_000_000
#: Rows generated at a time to grow the table from one size to the next.
BLOCK = 1_000_000
TABLE = "grown"


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run; `size` is the number of rows in the table or input."""
    once = Options(0, options.runs)
    frames = [
        measure([case], once, warm=0)
        for case in _cases(scratch, options)
        if options.wants(*case.labels.values())
    ]
    return pl.concat(frames or [pl.DataFrame()], how="diagonal_relaxed")


def conclude(frame: pl.DataFrame) -> str:
    """Return the speed at the largest table compared with the first, and the memory."""
    lines = []
    summary = summarize(frame, by=BY).sort("size")
    for (what,), table in summary.group_by("what", maintain_order=True):
        first, last = table.row(0, named=True), table.row(-1, named=True)
        if what == "table":
            pace, before = last["rows_per_second"], first["rows_per_second"]
            lines.append(
                f"with {last['size']:,} rows in the table {pace:,.0f} rows/s: "
                f"{pace / before:.2f} of the {before:,.0f} rows/s of the first "
                f"{first['rows'] * first['runs']:,}"
            )
        else:
            lines.append(
                f"an input of {first['size']:,} rows peaks at {first['peak_mb']:,.0f} "
                f"MB, one of {last['size']:,} at {last['peak_mb']:,.0f} MB"
            )
    return "\n".join(lines)


def _cases(scratch: Scratch, options: Options) -> Iterator[Case]:
    yield from _inputs(scratch, min(options.rows, MOST_INPUT))
    yield from _tables(scratch, options)


def _inputs(scratch: Scratch, most: int) -> Iterator[Case]:
    """Yield cases with inputs of 10,000 rows and more, each in its own process."""
    size = min(LEAST_INPUT, most)
    while size:
        yield _input(scratch, size)
        size = min(size * 10, most) if size < most else 0


def _input(scratch: Scratch, size: int) -> Case:
    path = scratch.state / "input.parquet"
    expected: list[Digest] = []

    def prepare() -> None:
        if not expected:
            rows = listings(size)
            rows.write_parquet(path, row_group_size=100_000)
            expected.append(scratch.digest_of(rows))
        scratch.fresh("target")

    return Case(
        {"what": "input", "size": size},
        size,
        lambda: _numbers(load_isolated(str(path), scratch, "target")),
        prepare,
        lambda: scratch.verify("target", expected[0]),
    )


def _tables(scratch: Scratch, options: Options) -> Iterator[Case]:
    """Yield cases that add new rows to a table of each size; the rows stay in it."""
    added = max(1, min(FIRST, options.rows // STEPS) // max(1, options.runs))
    table = _Table(scratch, scratch.state / "added.parquet", added)
    for step in range(STEPS + 1):
        size = options.rows * step // STEPS
        yield Case(
            {"what": "table", "size": size},
            added,
            table.load,
            partial(table.prepare, size),
            table.verify,
        )


@dataclass(slots=True)
class _Table:
    """A table to which each run adds rows.

    Attributes:
        scratch: The namespace that it is in.
        path: The file of the rows that a run adds.
        added: The number of rows that each run adds.
        stored: The number of rows in the table.
    """

    scratch: Scratch
    path: Path
    added: int
    stored: int = 0

    def prepare(self, size: int) -> None:
        """Grow the table to at least this size, and write the file of rows to add."""
        if not self.stored:
            self.scratch.create(TABLE)
        if self.stored < size:
            self._grow(size)
        self._fresh().write_parquet(self.path)
        # so that this run does not pay for writes that the server still has to do
        self.scratch.settle()

    def _grow(self, size: int) -> None:
        while self.stored < size:
            rows = min(BLOCK, size - self.stored)
            load(listings(rows, first=self.stored), self.scratch, TABLE)
            self.stored += rows
        self.scratch.settle(TABLE)

    def _fresh(self) -> pl.DataFrame:
        return listings(self.added, first=self.stored)

    def load(self) -> dict[str, float]:
        return _numbers(load_isolated(str(self.path), self.scratch, TABLE))

    def verify(self) -> None:
        """Verify the rows that were added, and the number of all rows."""
        fresh = self._fresh()
        self.stored += self.added
        self.scratch.verify_part(TABLE, fresh, rows=self.stored)


def _numbers(use: MemoryUse) -> dict[str, float]:
    return {"seconds": use.seconds, "peak_mb": use.peak / 1e6}


if __name__ == "__main__":
    main(sys.modules[__name__])
