"""psycopg: executemany of INSERT … ON CONFLICT, which it pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.upsert import on_conflict_clause

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 200_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    listed = scratch.layout.column_list
    holes = ", ".join(["%s"] * len(scratch.layout.columns))
    query = f"INSERT INTO {table} AS stored ({listed}) VALUES ({holes}) "
    query += on_conflict_clause(scratch.layout)
    with (
        scratch.connect() as connection,
        connection.transaction(),
        connection.cursor() as cursor,
    ):
        for part in rows.iter_slices(20_000):
            cursor.executemany(query.encode(), part.rows())
