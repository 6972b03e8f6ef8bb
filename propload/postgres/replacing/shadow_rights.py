"""Where a replace gathers its rows, and whether this user may make a table there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.ledger.access import LedgerAccess
from propload.postgres.sql import quoting, swapping

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection
    from propload.target import TableName


def missing_shadow_right(
    connection: Connection, table: TableName, namespace: str, /
) -> str:
    """Return what is to be granted for a table in a namespace, or nothing.

    Args:
        connection: A session.
        table: The table that is to be replaced.
        namespace: Where its new rows are to be gathered.

    Raises:
        ServerError: The connection broke.
    """
    found = connection.rows(swapping.MAY_CREATE, (namespace,))
    if found != [(False,)]:
        # a namespace that is missing is reported where the table is made
        return ""
    return (
        f"{table} is replaced by way of a table in {namespace}, which "
        f"this user may not create: GRANT CREATE ON SCHEMA {quoting.name(namespace)} "
        "to it"
    )


def foretell_shadow_right(connection: Connection, table: TableName, /) -> str:
    """Return what `missing_shadow_right` would tell a run that begins now.

    Ends the open work.

    Args:
        connection: A session without open work.
        table: The table that is to be replaced.

    Raises:
        ServerError: The connection broke.
    """
    access = LedgerAccess.of(connection)
    # a schema that is made with the ledger belongs to this user
    is_theirs = access.takes_runs and not access.has_schema
    namespace = "propload" if access.takes_runs else table.namespace
    missing = "" if is_theirs else missing_shadow_right(connection, table, namespace)
    connection.rollback()
    return missing
