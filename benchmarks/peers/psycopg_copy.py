"""psycopg: COPY CSV into a temporary table, then ON CONFLICT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.layout import quoted
from benchmarks.peers.upsert import on_conflict, stage

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    with scratch.connect() as connection, connection.transaction():
        connection.execute(stage(table).encode())
        listed = quoted(rows.columns)
        with (
            connection.cursor() as cursor,
            cursor.copy(
                f"COPY stage ({listed}) FROM STDIN (FORMAT csv)".encode()
            ) as copy,
        ):
            for part in rows.iter_slices(50_000):
                copy.write(part.write_csv(include_header=False))
        connection.execute(on_conflict(scratch.layout, table, "stage").encode())
