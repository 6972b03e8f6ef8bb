"""What this user may not do of all that a load into a table needs, told beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.sql import quoting
from propload.postgres.sql.tables import PARENTS_QUERY, RIGHTS_QUERY
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.postgres.tables.row_plan import RowPlan
    from propload.target import Target

_WAYS = {"upsert": "changes stored rows of", "replace": "removes the rows of"}


def missing_rights(
    connection: Connection, facts: TableFacts, target: Target, plan: RowPlan, /
) -> list[str]:
    """Return what keeps this user from the load, and what is to be granted.

    That the user may read and insert is known of every table with facts. Ends the open
    transaction.

    Args:
        connection: A session without open work.
        facts: The table.
        target: Its rules.
        plan: How rows get into it.

    Raises:
        ServerError: The connection broke.
    """
    found = connection.rows(RIGHTS_QUERY, (facts.oid,)) if facts.oid else []
    parents = _closed_parents(connection, facts, target)
    connection.rollback()
    if not found:
        # it is gone, which is told where it is missed
        return []
    granted, owns = found[0]
    adds = plan.new and target.on_new_columns == "add"
    return [
        *_ungranted(set(granted), facts, target, plan),
        *([] if owns or not adds else [_not_owned(target)]),
        *(_unreferable(facts, parent) for parent in parents),
    ]


def require_rights(
    connection: Connection, facts: TableFacts, target: Target, plan: RowPlan, /
) -> None:
    """Refuse what would fail for want of a right, maybe after hours of rows.

    Raises:
        WriteError: This user lacks a right; the message says which.
    """
    missing = missing_rights(connection, facts, target, plan)
    if missing:
        table = str(target.table)
        raise WriteError("; ".join(missing), table=table, sqlstate="42501")


def _ungranted(
    granted: set[str], facts: TableFacts, target: Target, plan: RowPlan
) -> Iterator[str]:
    rights = [one for one in _needed(facts, target, plan) if one not in granted]
    if rights:
        instead = ", or use --mode insert-new" if target.mode == "upsert" else ""
        yield (
            f"mode {target.mode} {_WAYS[target.mode]} {facts.name}, which this user "
            f"may not: GRANT {', '.join(rights)} ON {quoting.table(facts.name)} to it"
            f"{instead}"
        )


def _needed(facts: TableFacts, target: Target, plan: RowPlan) -> list[str]:
    changes = any(each.column not in target.key for each in plan.columns)
    update = ["UPDATE"] if target.key and changes else []
    if target.mode == "upsert":
        return update
    if target.mode != "replace":
        return []
    # rows that others refer to stay where they are if their key comes again
    return ["DELETE", *update] if facts.referenced else ["TRUNCATE"]


def _closed_parents(
    connection: Connection, facts: TableFacts, target: Target
) -> list[TableName]:
    """Return tables that the one that gathers a replace's rows may not refer to."""
    if target.mode != "replace" or not facts.oid:
        return []
    return [TableName(*one) for one in connection.rows(PARENTS_QUERY, (facts.oid,))]


def _unreferable(facts: TableFacts, parent: TableName) -> str:
    return (
        f"mode replace gathers the rows of {facts.name} in a table that refers to "
        f"{parent} as well, which this user may not: GRANT REFERENCES ON "
        f"{quoting.table(parent)} to it"
    )


def _not_owned(target: Target) -> str:
    return (
        f"columns are added to {target.table} by its owner alone, who this user is "
        "not: have them added, or use --on-new-columns ignore"
    )
