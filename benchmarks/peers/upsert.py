"""What candidates without an upsert of their own are given: a stage, a statement."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.layout import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg import Copy

    from benchmarks.layout import Layout
    from benchmarks.scratch import Scratch


@contextmanager
def staged(scratch: Scratch, table: str, /) -> Iterator[None]:
    """Make an empty table `stage`, and upsert the rows that are in it at the end."""
    scratch.execute(
        "DROP TABLE IF EXISTS stage", f"CREATE UNLOGGED TABLE stage (LIKE {table})"
    )
    yield
    scratch.execute(on_conflict(scratch.layout, table, "stage"), "DROP TABLE stage")


@contextmanager
def copied(
    columns: Sequence[str], scratch: Scratch, table: str, /, *, form: str
) -> Iterator[Copy]:
    """Give a COPY of psycopg into a temporary stage, and upsert its rows at the end.

    Args:
        columns: What is copied.
        scratch: Where to.
        table: The table.
        form: PostgreSQL's name of the rows' form: csv or binary.
    """
    told = f"COPY stage ({quoted(columns)}) FROM STDIN (FORMAT {form})"
    with scratch.connect() as connection, connection.transaction():
        connection.execute(f"CREATE TEMPORARY TABLE stage (LIKE {table})".encode())
        with connection.cursor() as cursor, cursor.copy(told.encode()) as copy:
            yield copy
        connection.execute(on_conflict(scratch.layout, table, "stage").encode())


def on_conflict(layout: Layout, table: str, source: str, /) -> str:
    """Return the upsert of a staging table's rows."""
    listed = layout.listed
    return (
        f"INSERT INTO {table} AS stored ({listed}) SELECT {listed} FROM {source} "
        f"{clause(layout)}"
    )


def clause(layout: Layout, /) -> str:
    """Return what happens to a row whose key is stored, in a table called `stored`.

    A row that is stored already as it is stays untouched, so that no dead row is left
    behind: this is how it is written with care.
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
