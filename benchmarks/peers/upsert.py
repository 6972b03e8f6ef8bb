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
        f"INSERT INTO {table} AS stored ({listed}) SELECT {listed} FROM {source} "
        f"{clause(layout)}"
    )


def clause(layout: Layout, /) -> str:
    """Return what happens to a row whose key is stored, in a table called `stored`.

    A row that is stored as it is stays alone, as whoever writes this with care has it:
    no dead row is left behind.
    """
    values = [quoted([name]) for name in layout.columns if name not in layout.key]
    if not values:
        return f"ON CONFLICT ({layout.keyed}) DO NOTHING"
    assigned = ", ".join(f"{name} = excluded.{name}" for name in values)
    before = ", ".join(f"stored.{name}" for name in values)
    given = ", ".join(f"excluded.{name}" for name in values)
    return (
        f"ON CONFLICT ({layout.keyed}) DO UPDATE SET {assigned} "
        f"WHERE ({before}) IS DISTINCT FROM ({given})"
    )


def stage(table: str, /, *, temporary: bool = True) -> str:
    """Return the statement that makes an empty staging table."""
    kind = "TEMPORARY" if temporary else "UNLOGGED"
    return f"CREATE {kind} TABLE stage (LIKE {table})"
