"""propload from a Polars frame, with the schema `listing`: checks, newest, keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.loads import load as load_listings

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 20_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    load_listings(rows, scratch, table)
