"""pandas to_sql(method="multi") into a staging table, then ON CONFLICT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import sqlalchemy

from benchmarks.peers.upsert import on_conflict, stage

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
#: At 3,000 rows a second.
MOST_ROWS = 3_000
#: A statement takes 65,535 parameters: 20 columns of these rows stay below.
ROWS_AT_ONCE = 1_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    scratch.execute("DROP TABLE IF EXISTS stage", stage(table, temporary=False))
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(scratch.dsn)
    )
    rows.to_pandas().to_sql(
        "stage",
        engine,
        schema=scratch.namespace,
        if_exists="append",
        index=False,
        method="multi",
        chunksize=ROWS_AT_ONCE,
    )
    engine.dispose()
    scratch.execute(on_conflict(scratch.layout, table, "stage"), "DROP TABLE stage")
