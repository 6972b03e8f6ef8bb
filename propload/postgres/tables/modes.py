"""Check whether a table permits a mode, above all whether it keeps the key unique."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.messages.suggestions import SLIP, nearest
from propload.messages.wording import listed_names
from propload.postgres.sql import quoting
from propload.postgres.tables.stored_keys import StoredKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.target import Target


def require_mode(connection: Connection, facts: TableFacts, target: Target, /) -> None:
    """Raise if the table does not permit the target's mode; say what to do about it.

    Ends the open transaction if the table does not keep the key unique.

    Args:
        connection: A session without an open transaction.
        facts: The table.
        target: Its rules.

    Raises:
        WriteError: Rows cannot be found by the key, or the mode would affect more
            than the table itself.
        ServerError: The connection broke.
    """
    if target.mode == "append":
        return
    table = facts.name
    if facts.inherited:
        msg = (
            f"other tables inherit from {table}: no key is unique over all of them, "
            "and a replace would empty them as well. Load into one of them, partition "
            "the table, or use --mode append"
        )
        raise WriteError(msg, table=str(table))
    if facts.traits.rewritten:
        msg = (
            f"a rule of {table} rewrites what is inserted or updated, which the server "
            "does not allow where rows are found by a key: make it a trigger, or use "
            "--mode append"
        )
        raise WriteError(msg, table=str(table))
    is_replace = target.mode == "replace"
    if is_replace and not (facts.referenced and target.key):
        return
    msg = _key_problem(connection, facts, target.key)
    if msg and is_replace:
        msg = (
            f"other tables refer to {table}, so that a replace has to find the rows "
            f"that stay by their key; {msg}"
        )
    if msg:
        raise WriteError(msg, table=str(table))


def _key_problem(connection: Connection, facts: TableFacts, key: Sequence[str]) -> str:
    """Return why rows cannot be found by a key, or an empty string if they can."""
    columns = [column for name in key if (column := facts.column(name))]
    if len(columns) < len(key):
        return _missing_columns_message(
            facts, [name for name in key if facts.column(name) is None]
        )
    if facts.keeps_unique(key):
        return ""
    problem = ""
    if all(column.comparable for column in columns):
        problem = StoredKeys.read(connection, facts.name, key).describe(key)
    return (
        f"table {facts.name} has no unique constraint on ({', '.join(key)}), so its "
        f"rows cannot be found by that key{_near_constraints(facts, key)}"
        f"{'; ' if problem else ': '}{problem}add one with ALTER TABLE "
        f"{quoting.table(facts.name)} ADD UNIQUE ({quoting.names(key)})"
        f"{_other_keys(facts)}, or use --mode append"
    )


def _missing_columns_message(facts: TableFacts, missing: Sequence[str]) -> str:
    """Return the message about key columns that the table lacks."""
    names = [column.name for column in facts.columns]
    near = [nearest(name, names, cutoff=SLIP) for name in missing]
    hint = f" (did you mean {', '.join(filter(None, near))}?)" if any(near) else ""
    columns, them = ("column", "it") if len(missing) == 1 else ("columns", "them")
    return (
        f"table {facts.name} lacks the key {columns} {listed_names(missing)}{hint}: "
        f"create {them} with ALTER TABLE, use a key that the table has (--key A,B), "
        "or load into another table (--table)"
    )


def _near_constraints(facts: TableFacts, key: Sequence[str]) -> str:
    """Return the part of a message that says why similar constraints do not qualify."""
    names = [
        constraint.name
        for constraint in facts.cross_row_constraints
        # `equal` lacks the columns of an expression, `columns` has those of a condition
        if set(key) in (set(constraint.columns), set(constraint.equal))
    ]
    if not names:
        return ""
    return (
        f" ({', '.join(names)} does not qualify: it is deferrable, partial, not valid, "
        "or no plain UNIQUE on these columns)"
    )


def _other_keys(facts: TableFacts) -> str:
    """Return the rest of the message: a hint on partitions, and other unique keys."""
    hint = ""
    if facts.traits.partitioned:
        hint = (
            " (with the columns that the table is partitioned by, or the server "
            "refuses it)"
        )
    keys = " or ".join(f"--key {','.join(unique)}" for unique in facts.unique_keys)
    return f"{hint}, use a key that it has ({keys})" if keys else hint
