"""Does it slow down as the table grows, and does memory grow with the input?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.alone import MemoryUse, load_alone
from benchmarks.listings import KEY, listings
from benchmarks.loads import load
from benchmarks.measuring import Case, Options, main, measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Scratch

NAME = "growth"
QUESTION = "Does it slow down as the table grows, and does memory grow with the input?"
#: Rows in the table in the end; the target of the project is 20 million.
ROWS = 2_000_000
BY = ("what", "size")
STEPS = 4
#: Rows added at each size of the table, in the order of nothing.
ADDED = 250_000


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run; `size` is the rows in the table or in the input."""
    frames = [
        measure(_inputs(scratch, options.rows), Options(0, options.runs), warm=0),
        measure(_tables(scratch, options.rows), Options(0, options.runs), warm=0),
    ]
    return pl.concat(frames, how="diagonal_relaxed")


def _inputs(scratch: Scratch, rows: int) -> Iterator[Case]:
    """Inputs of ten thousand rows and more, each in a process of its own."""
    size = min(10_000, rows)
    while size <= rows:
        path = scratch.state / f"input_{size}.parquet"
        listings(size).write_parquet(path, row_group_size=100_000)

        def run(path: object = path) -> dict[str, float]:
            return _numbers(load_alone(str(path), scratch, "target"))

        yield Case(
            {"what": "input", "size": size},
            size,
            run,
            lambda: scratch.create("target"),
        )
        size *= 10 if size * 10 <= rows or size == rows else max(2, rows // size)


def _numbers(use: MemoryUse) -> dict[str, float]:
    return {"peak_mb": use.peak / 1e6, "load_seconds": use.seconds}


def _tables(scratch: Scratch, rows: int) -> Iterator[Case]:
    """A batch of new rows into a table of each size; it is taken out again."""
    added = min(ADDED, rows)
    for step in range(STEPS + 1):
        size = rows * step // STEPS
        fresh = listings(added, first=size)

        def prepare(size: int = size) -> None:
            _grow(scratch, size)

        yield Case(
            {"what": "table", "size": size},
            added,
            lambda fresh=fresh: _load(scratch, fresh),  # type: ignore[misc] # mypy has no type for a lambda's defaults
            prepare,
        )


def _grow(scratch: Scratch, size: int) -> None:
    if size == 0:
        scratch.create("grown")
        return
    have = scratch.count("grown")
    if have < size:
        load(listings(size - have, first=have), scratch, "grown")
    if have > size:
        # a later turn begins with a smaller table
        scratch.create("grown")
        load(listings(size), scratch, "grown")
    scratch.settle("grown")


def _load(scratch: Scratch, fresh: pl.DataFrame) -> None:
    load(fresh, scratch, "grown")
    keys = ", ".join(f"'{one}'" for one in fresh.get_column(KEY[1]).head(1))
    scratch.execute(f"SELECT 1 FROM grown WHERE {KEY[1]} IN ({keys})")


if __name__ == "__main__":
    main(sys.modules[__name__])
