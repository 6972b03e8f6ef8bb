"""Checks whether this user may create the shadow of a replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.ledger.access import LedgerAccess
from propload.postgres.sql import quoting, swapping

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection
    from propload.target import TableName


def missing_privilege(
    connection: Connection, table: TableName, namespace: str, /
) -> str:
    """Return the message that this user may not create a shadow, or an empty text.

    Args:
        connection: A session.
        table: The table that is to be replaced.
        namespace: The namespace of the shadow.

    Raises:
        ServerError: The connection broke.
    """
    answer = connection.rows(swapping.MAY_CREATE, (namespace,))
    if answer != [(False,)]:
        # a missing namespace is reported when the table is created
        return ""
    return (
        f"{table} is replaced by way of a table in {namespace}, which "
        f"this user may not create: GRANT CREATE ON SCHEMA {quoting.name(namespace)} "
        "to it"
    )


def predict_missing_privilege(connection: Connection, table: TableName, /) -> str:
    """Return what `missing_privilege` would return to a run that begins now.

    It rolls back its own transaction.

    Args:
        connection: A session without an open transaction.
        table: The table that is to be replaced.

    Raises:
        ServerError: The connection broke.
    """
    access = LedgerAccess.of(connection)
    # a schema that is created together with the ledger belongs to this user
    is_theirs = access.accepts_runs and not access.has_schema
    namespace = "propload" if access.accepts_runs else table.namespace
    missing = "" if is_theirs else missing_privilege(connection, table, namespace)
    connection.rollback()
    return missing
