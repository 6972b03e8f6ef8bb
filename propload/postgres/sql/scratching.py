# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Statements for a namespace of tables for trials, and for removing it completely."""

from __future__ import annotations

from propload.postgres.sql.quoting import name, text

#: Whether the database has a ledger.
HAS_LEDGER = "SELECT to_regnamespace('propload') IS NOT NULL"
#: Whether this user may delete from it; asked of the catalog, as naming a table fails
#: for users who may not even look into its schema.
MAY_FORGET = """
SELECT count(*) = 2 FROM pg_catalog.pg_class
WHERE relnamespace = to_regnamespace('propload') AND relname IN ('runs', 'ledger')
    AND has_schema_privilege(relnamespace, 'USAGE')
    AND has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'DELETE')"""
#: Locks the table of runs, to ask whether it has any: a run that begins waits for it.
LOCK_RUNS = "LOCK TABLE propload.runs IN ACCESS EXCLUSIVE MODE"
ANY_RUN = "SELECT 1 FROM propload.runs LIMIT 1"
DROP_LEDGER = "DROP SCHEMA propload CASCADE"


def make_namespace(namespace: str, /) -> str:
    """Return the statement that creates a namespace."""
    return f"CREATE SCHEMA {name(namespace)}"


def drop_namespace(namespace: str, /) -> str:
    """Return the statement that drops a namespace and everything in it."""
    return f"DROP SCHEMA IF EXISTS {name(namespace)} CASCADE"


def forget_runs(namespace: str, /) -> tuple[str, ...]:
    """Return the statements that delete from the ledger all runs into a namespace."""
    runs = f"FROM propload.runs WHERE target LIKE {text(f'{namespace}.%')}"
    return (
        f"DELETE FROM propload.ledger WHERE run_id IN (SELECT run_id {runs})",
        f"DELETE {runs}",
    )
