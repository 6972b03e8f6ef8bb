"""pandas to_sql through ADBC into a staging table, then ON CONFLICT.

The documentation of pandas recommends ADBC; the COPY callable that it also shows takes
twice as long, because it turns each row into a Python tuple and a line of text. Columns
have Arrow types: the driver refuses those with pandas' own types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adbc_driver_postgresql import dbapi  # type: ignore[import-untyped] # none of its own

from benchmarks.peers.upsert import upsert_from_stage

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    with upsert_from_stage(scratch, table), dbapi.connect(scratch.dsn) as connection:
        rows.to_pandas(use_pyarrow_extension_array=True).to_sql(
            "stage",
            connection,
            schema=scratch.namespace,
            if_exists="append",
            index=False,
        )
