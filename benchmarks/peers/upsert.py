"""The statement that candidates without an upsert of their own are given."""

from __future__ import annotations

from benchmarks.listings import KEY
from benchmarks.scratch import column_types


def on_conflict(table: str, source: str, /) -> str:
    """Return the upsert of a staging table's rows."""
    columns = list(column_types())
    listed = ", ".join(columns)
    return f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {source} {clause()}"


def clause() -> str:
    """Return what happens to a row whose key is stored: all its columns are set."""
    values = [name for name in column_types() if name not in KEY]
    assigned = ", ".join(f"{name} = excluded.{name}" for name in values)
    return f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {assigned}"


def stage(table: str, /, *, temporary: bool = True) -> str:
    """Return the statement that makes an empty staging table."""
    kind = "TEMPORARY" if temporary else "UNLOGGED"
    return f"CREATE {kind} TABLE stage (LIKE {table})"
