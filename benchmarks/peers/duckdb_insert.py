"""DuckDB's postgres extension, from its wheel: INSERT … ON CONFLICT."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import duckdb_extension_postgres_scanner as extension

from benchmarks.peers.upsert import on_conflict_clause

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 200_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    listed = scratch.layout.column_list
    with attached(rows, scratch) as connection:
        connection.execute(
            f"INSERT INTO server.{scratch.namespace}.{table} AS stored ({listed}) "
            f"SELECT {listed} FROM rows {on_conflict_clause(scratch.layout)}"
        )


@contextmanager
def attached(
    rows: pl.DataFrame, scratch: Scratch, /
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a DuckDB connection with the rows as `rows`, the server as `server`."""
    with duckdb.connect() as connection:
        # in a notebook it would be a widget, which is not visible in the saved file
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"LOAD '{_extension()}'")
        connection.execute(f"ATTACH '{scratch.dsn}' AS server (TYPE postgres)")
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rows", rows.to_arrow())
        yield connection


def _extension() -> Path:
    folder = Path(next(iter(extension.__path__)))
    return next(folder.rglob("*.duckdb_extension"))
