"""psycopg: COPY CSV into a temporary table, then ON CONFLICT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.upsert import copy_and_upsert

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    with copy_and_upsert(rows.columns, scratch, table, form="csv") as copy:
        for part in rows.iter_slices(50_000):
            copy.write(part.write_csv(include_header=False))
