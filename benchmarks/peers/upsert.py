"""A stage and an upsert statement for candidates that have no upsert of their own."""

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
def upsert_from_stage(scratch: Scratch, table: str, /) -> Iterator[None]:
    """Create an empty table `stage`, and at the end upsert the rows in it."""
    scratch.execute(
        "DROP TABLE IF EXISTS stage", f"CREATE UNLOGGED TABLE stage (LIKE {table})"
    )
    yield
    scratch.execute(upsert_sql(scratch.layout, table, "stage"), "DROP TABLE stage")


@contextmanager
def copy_and_upsert(
    columns: Sequence[str], scratch: Scratch, table: str, /, *, form: str
) -> Iterator[Copy]:
    """Yield psycopg's COPY into a temporary stage, and at the end upsert its rows.

    Args:
        columns: The columns that are copied.
        scratch: The namespace to load into.
        table: The table.
        form: The format of COPY: csv or binary.
    """
    copy_sql = f"COPY stage ({quoted(columns)}) FROM STDIN (FORMAT {form})"
    with scratch.connect() as connection, connection.transaction():
        connection.execute(f"CREATE TEMPORARY TABLE stage (LIKE {table})".encode())
        with connection.cursor() as cursor, cursor.copy(copy_sql.encode()) as copy:
            yield copy
        connection.execute(upsert_sql(scratch.layout, table, "stage").encode())


def upsert_sql(layout: Layout, table: str, source: str, /) -> str:
    """Return the statement that upserts the rows of a staging table."""
    listed = layout.column_list
    return (
        f"INSERT INTO {table} AS stored ({listed}) SELECT {listed} FROM {source} "
        f"{on_conflict_clause(layout)}"
    )


def on_conflict_clause(layout: Layout, /) -> str:
    """Return the ON CONFLICT clause, for a table with the alias `stored`.

    A row that is stored unchanged is not updated, so that no dead row is left behind:
    this is how a careful user would write it.
    """
    values = [quoted([name]) for name in layout.columns if name not in layout.key]
    if not values:
        return f"ON CONFLICT ({layout.key_list}) DO NOTHING"
    assigned = ", ".join(f"{name} = excluded.{name}" for name in values)
    before = ", ".join(f"stored.{name}" for name in values)
    excluded = ", ".join(f"excluded.{name}" for name in values)
    return (
        f"ON CONFLICT ({layout.key_list}) DO UPDATE SET {assigned} "
        f"WHERE ({before}) IS DISTINCT FROM ({excluded})"
    )
