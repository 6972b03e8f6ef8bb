"""What this user may not do of all that a load into a table needs, told beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.session.failures import MISSING_RIGHT
from propload.postgres.sql import quoting
from propload.postgres.sql.rights import PARENTS_QUERY, RIGHTS_QUERY
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.postgres.tables.row_plan import RowPlan
    from propload.target import Target

_WAYS = {"upsert": "changes stored rows of", "replace": "removes the rows of"}


@dataclass(frozen=True, slots=True)
class _Rights:
    """What a user may do with a table.

    Attributes:
        whole: The rights to it as a whole.
        added: The columns that they may give new rows.
        changed: The columns of stored rows that they may change.
        closed: The columns of a type that they may not name, with its namespace.
    """

    whole: frozenset[str]
    added: frozenset[str]
    changed: frozenset[str]
    closed: Mapping[str, str]


def missing_rights(
    connection: Connection, facts: TableFacts, target: Target, plan: RowPlan, /
) -> list[str]:
    """Return what keeps this user from the load, and what is to be granted.

    That the user may read and insert some column is known of every table with facts.
    Ends the open transaction.

    Args:
        connection: A session without open work.
        facts: The table.
        target: Its rules.
        plan: How rows get into it.

    Raises:
        ServerError: The connection broke.
        WriteError: The user may not even look for stored rows, or name a type that
            rows are cast to.
    """
    found = connection.ask(RIGHTS_QUERY, (facts.oid,))
    parents = _closed_parents(connection, facts, target)
    connection.rollback()
    if not found:
        # it is gone, which is told where it is missed
        return []
    whole, added, changed, closed, owns = found[0]
    rights = _Rights(
        frozenset(whole), frozenset(added), frozenset(changed), json.loads(closed)
    )
    _require_look(rights, facts, target)
    _require_types(rights, facts, target, plan)
    adds = plan.new and target.on_new_columns == "add"
    return [
        *_uninsertable(rights, facts, target, plan),
        *_ungranted(rights, facts, target, plan),
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
        raise WriteError("; ".join(missing), table=table, sqlstate=MISSING_RIGHT)


def _require_look(granted: _Rights, facts: TableFacts, target: Target) -> None:
    if target.mode not in ("upsert", "insert-new") or "SELECT" in granted.whole:
        return
    msg = (
        f"mode {target.mode} looks for stored rows of {facts.name}, of which this "
        "user may read some columns alone: GRANT SELECT ON "
        f"{quoting.table(facts.name)} to it"
    )
    raise WriteError(msg, table=str(target.table), sqlstate=MISSING_RIGHT)


def _require_types(
    granted: _Rights, facts: TableFacts, target: Target, plan: RowPlan
) -> None:
    cast = [each.column for each in plan.columns if each.carrier == "text"]
    closed = [name for name in cast if name in granted.closed]
    if not closed:
        return
    namespaces = sorted({granted.closed[name] for name in closed})
    msg = (
        f"the server casts values to the types of {', '.join(closed)} in {facts.name}, "
        f"which are in {', '.join(namespaces)}: GRANT USAGE ON SCHEMA "
        f"{quoting.names(namespaces)} to this user"
    )
    raise WriteError(msg, table=str(target.table), sqlstate=MISSING_RIGHT)


def _uninsertable(
    granted: _Rights, facts: TableFacts, target: Target, plan: RowPlan
) -> Iterator[str]:
    """Return what is said of columns that new rows may not be given."""
    closed = [one for one in _added(facts, target, plan) if one not in granted.added]
    if closed:
        yield (
            f"this user may not give new rows of {facts.name} their "
            f"{', '.join(closed)}: GRANT INSERT ({quoting.names(closed)}) ON "
            f"{quoting.table(facts.name)} to it"
        )


def _added(facts: TableFacts, target: Target, plan: RowPlan) -> Iterable[str]:
    if target.mode == "replace":
        return [each.name for each in facts.columns if not each.generated]
    travelling = [each.column for each in plan.columns]
    # a row that is known keeps its own value of what it has to have
    required = [each.name for each in facts.columns if each.required]
    return dict.fromkeys([*travelling, *required])


def _ungranted(
    granted: _Rights, facts: TableFacts, target: Target, plan: RowPlan
) -> Iterator[str]:
    rights = [right for right in _needed(facts, target) if right not in granted.whole]
    changed = _changed(facts, target, plan)
    closed = [name for name in changed if name not in granted.changed]
    if closed:
        some = len(closed) < len(changed)
        rights.append(f"UPDATE ({quoting.names(closed)})" if some else "UPDATE")
    if rights:
        instead = ", or use --mode insert-new" if target.mode == "upsert" else ""
        yield (
            f"mode {target.mode} {_WAYS[target.mode]} {facts.name}, which this user "
            f"may not: GRANT {', '.join(rights)} ON {quoting.table(facts.name)} to it"
            f"{instead}"
        )


def _needed(facts: TableFacts, target: Target) -> list[str]:
    """Return the rights to the table as a whole, besides that to look at it."""
    if target.mode != "replace":
        return []
    return ["DELETE"] if facts.referenced else ["TRUNCATE"]


def _changed(facts: TableFacts, target: Target, plan: RowPlan) -> list[str]:
    """Return the columns of stored rows that may be written anew."""
    # rows that others refer to stay where they are if their key comes again
    stay = target.mode == "replace" and facts.referenced and target.key
    if target.mode != "upsert" and not stay:
        return []
    fixed = {*target.key, *(each.name for each in facts.columns if each.identity)}
    return [each.column for each in plan.columns if each.column not in fixed]


def _closed_parents(
    connection: Connection, facts: TableFacts, target: Target
) -> list[TableName]:
    """Return tables that the one that gathers a replace's rows may not refer to."""
    if target.mode != "replace":
        return []
    return [TableName(*one) for one in connection.ask(PARENTS_QUERY, (facts.oid,))]


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
