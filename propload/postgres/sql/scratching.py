# ruff: noqa: S608 - names are quoted, values are made into literals here
"""A namespace for tables to try things in: made, and removed with all traces."""

from __future__ import annotations

from propload.postgres.sql.quoting import name, text

#: Whether the database has a ledger.
HAS_LEDGER = "SELECT to_regnamespace('propload') IS NOT NULL"
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


def forget_runs(namespace: str, /) -> tuple[str, ...]:
    """Return what takes runs into a namespace's tables out of the ledger, in order."""
    runs = f"FROM propload.runs WHERE target LIKE {text(f'{namespace}.%')}"
    return (
        f"DELETE FROM propload.ledger WHERE run_id IN (SELECT run_id {runs})",
        f"DELETE {runs}",
    )
