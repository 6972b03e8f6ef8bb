"""Polars write_database through ADBC into a staging table, then ON CONFLICT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.upsert import upsert_from_stage

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    with upsert_from_stage(scratch, table):
        rows.write_database(
            f"{scratch.namespace}.stage",
            scratch.dsn,
            engine="adbc",
            if_table_exists="append",
        )
