"""The statement that candidates without an upsert of their own are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.layout import quoted

if TYPE_CHECKING:
    from benchmarks.layout import Layout


def on_conflict(layout: Layout, table: str, source: str, /) -> str:
    """Return the upsert of a staging table's rows."""
    listed = layout.listed
    return (
        f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {source} {clause(layout)}"
    )


def clause(layout: Layout, /) -> str:
    """Return what happens to a row whose key is stored: all its columns are set."""
    values = [quoted([name]) for name in layout.columns if name not in layout.key]
    assigned = ", ".join(f"{name} = excluded.{name}" for name in values)
    return f"ON CONFLICT ({layout.keyed}) DO UPDATE SET {assigned}"


def stage(table: str, /, *, temporary: bool = True) -> str:
    """Return the statement that makes an empty staging table."""
    kind = "TEMPORARY" if temporary else "UNLOGGED"
    return f"CREATE {kind} TABLE stage (LIKE {table})"
