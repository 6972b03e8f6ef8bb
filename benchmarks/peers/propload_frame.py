"""propload from a Polars frame, as the layout says: listings with all their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.loads import load as ingest

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 20_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    ingest(rows, scratch, table)
