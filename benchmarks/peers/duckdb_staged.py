"""DuckDB's postgres extension copies into a stage; the server upserts from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.duckdb_insert import attached
from benchmarks.peers.upsert import upsert_from_stage

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    listed = scratch.layout.column_list
    with upsert_from_stage(scratch, table), attached(rows, scratch) as connection:
        connection.execute(
            f"INSERT INTO server.{scratch.namespace}.stage ({listed}) "
            f"SELECT {listed} FROM rows"
        )
