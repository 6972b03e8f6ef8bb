"""pandas to_sql through ADBC into a staging table, then ON CONFLICT.

ADBC is what its documentation recommends; the COPY callable that stands there as well
takes twice as long, as it makes each row a Python tuple and a line of text. Columns are
Arrow's: the driver refuses those of pandas' own types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adbc_driver_postgresql import dbapi  # type: ignore[import-untyped] # none of its own

from benchmarks.peers.upsert import staged

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    with staged(scratch, table), dbapi.connect(scratch.dsn) as connection:
        rows.to_pandas(use_pyarrow_extension_array=True).to_sql(
            "stage",
            connection,
            schema=scratch.namespace,
            if_exists="append",
            index=False,
        )
