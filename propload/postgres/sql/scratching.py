# ruff: noqa: S608 - names are quoted, values are made into literals here
"""What tables to try things in are made and removed by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql.quoting import name, table, text

if TYPE_CHECKING:
    from propload.target import TableName

#: Whether the database has a ledger.
HAS_LEDGER = "SELECT to_regnamespace('propload') IS NOT NULL"
#: Whether there is a table of a quoted name.
IS_TABLE = "SELECT to_regclass($1) IS NOT NULL"
#: Whether a run is entered in the ledger; a run that begins waits for the lock.
LOCK_RUNS = "LOCK TABLE propload.runs IN ACCESS EXCLUSIVE MODE"
ANY_RUN = "SELECT 1 FROM propload.runs LIMIT 1"
DROP_LEDGER = "DROP SCHEMA propload CASCADE"


def make_namespace(namespace: str, /) -> str:
    """Return the statement that makes a namespace."""
    return f"CREATE SCHEMA {name(namespace)}"


def drop_namespace(namespace: str, /) -> str:
    """Return the statement that drops a namespace with all that is in it."""
    return f"DROP SCHEMA IF EXISTS {name(namespace)} CASCADE"


def make_like(scratch: TableName, model: TableName, /) -> str:
    """Return the statement that makes a table with all that another one has."""
    return f"CREATE TABLE {table(scratch)} (LIKE {table(model)} INCLUDING ALL)"


def drop_table(scratch: TableName, /) -> str:
    """Return the statement that drops a table, if it is there."""
    return f"DROP TABLE IF EXISTS {table(scratch)}"


def forget_runs(namespace: str, /) -> tuple[str, ...]:
    """Return what takes runs into a namespace's tables out of the ledger, in order."""
    runs = f"FROM propload.runs WHERE target LIKE {text(f'{namespace}.%')}"
    return (
        f"DELETE FROM propload.ledger WHERE run_id IN (SELECT run_id {runs})",
        f"DELETE {runs}",
    )
