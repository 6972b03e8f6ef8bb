"""Check before a load whether this user has all the privileges that it needs."""

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
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.postgres.tables.row_plan import RowPlan
    from propload.target import Target

_MODE_EFFECTS = {"upsert": "changes stored rows of", "replace": "removes the rows of"}


@dataclass(frozen=True, slots=True)
class _Rights:
    """What a user may do with a table.

    Attributes:
        table_privileges: The privileges on the table as a whole.
        insertable: The columns that the user may insert.
        updatable: The columns that the user may update.
        unusable_types: The columns whose type is in a namespace without USAGE for the
            user, with that namespace.
        is_owner: Whether the user may alter the table.
    """

    table_privileges: frozenset[str]
    insertable: frozenset[str]
    updatable: frozenset[str]
    unusable_types: Mapping[str, str]
    is_owner: bool


def missing_rights(
    connection: Connection, facts: TableFacts, target: Target, plan: RowPlan, /
) -> list[str]:
    """Return which privileges this user lacks for the load, and how to grant them.

    Every table with facts is known to let the user read and insert some column. Ends
    the open transaction.

    Args:
        connection: A session without an open transaction.
        facts: The table.
        target: Its rules.
        plan: How rows get into it.

    Raises:
        ServerError: The connection broke.
        WriteError: The user may not even look for stored rows, or use a type that
            rows are cast to.
    """
    rows = connection.ask(RIGHTS_QUERY, (facts.oid,))
    parents = (
        connection.ask(PARENTS_QUERY, (facts.oid,)) if target.mode == "replace" else []
    )
    connection.rollback()
    if not rows:
        # the table is gone: whoever needs it next reports that
        return []
    table_privileges, insertable, updatable, unusable_types, is_owner = rows[0]
    rights = _Rights(
        frozenset(table_privileges),
        frozenset(insertable),
        frozenset(updatable),
        json.loads(unusable_types),
        is_owner,
    )
    load = _Load(facts, target, plan, rights)
    load.require_select()
    load.require_type_usage()
    references = (load.reference_message(TableName(*parent)) for parent in parents)
    return [*load.missing(), *references]


def require_rights(
    connection: Connection, facts: TableFacts, target: Target, plan: RowPlan, /
) -> None:
    """Raise if the user lacks a privilege, without which a load may fail after hours.

    Raises:
        WriteError: This user lacks privileges; the message says which.
    """
    missing = missing_rights(connection, facts, target, plan)
    if missing:
        table = str(target.table)
        raise WriteError("; ".join(missing), table=table, sqlstate=MISSING_RIGHT)


@dataclass(frozen=True, slots=True)
class _Load:
    """A load into a table: what it needs, and what its user may do.

    Attributes:
        facts: The table.
        target: Its rules.
        plan: How rows get into it.
        rights: What the user may do.
    """

    facts: TableFacts
    target: Target
    plan: RowPlan
    rights: _Rights

    def require_select(self) -> None:
        """Raise if the mode looks for stored rows and the user may not read them.

        Raises:
            WriteError: The user may not read all columns.
        """
        mode, table = self.target.mode, self.facts.name
        may_select = "SELECT" in self.rights.table_privileges
        if mode not in ("upsert", "insert-new") or may_select:
            return
        msg = (
            f"mode {mode} looks for stored rows of {table}, of which this user may "
            f"read only some columns: GRANT SELECT ON {quoting.table(table)} to it"
        )
        raise WriteError(msg, table=str(self.target.table), sqlstate=MISSING_RIGHT)

    def require_type_usage(self) -> None:
        """Raise if rows are cast to types that the user may not use.

        Raises:
            WriteError: The user lacks USAGE on the namespace of such a type.
        """
        unusable = self.rights.unusable_types
        cast = [
            each.column for each in self.plan.columns if each.transfer_format == "text"
        ]
        columns = [name for name in cast if name in unusable]
        if not columns:
            return
        namespaces = sorted({unusable[name] for name in columns})
        msg = (
            f"the server casts values to the types of {', '.join(columns)} in "
            f"{self.facts.name}, which are in {', '.join(namespaces)}: GRANT USAGE ON "
            f"SCHEMA {quoting.names(namespaces)} to this user"
        )
        raise WriteError(msg, table=str(self.target.table), sqlstate=MISSING_RIGHT)

    def missing(self) -> Iterator[str]:
        """Yield what else is to be granted: to insert, to update, to add columns."""
        table, mode = self.facts.name, self.target.mode
        insertable = self.rights.insertable
        refused = [name for name in self._inserted_columns() if name not in insertable]
        if refused:
            yield (
                f"this user may not set {', '.join(refused)} in new "
                f"rows of {table}: GRANT INSERT ({quoting.names(refused)}) ON "
                f"{quoting.table(table)} to it"
            )
        if privileges := self._missing_row_privileges():
            instead = ", or use --mode insert-new" if mode == "upsert" else ""
            yield (
                f"mode {mode} {_MODE_EFFECTS[mode]} {table}, which this user may not: "
                f"GRANT {', '.join(privileges)} ON {quoting.table(table)} to it"
                f"{instead}"
            )
        adds = self.plan.new and self.target.on_new_columns == "add"
        if adds and not self.rights.is_owner:
            yield (
                f"only the owner of {self.target.table} can add columns, and this user "
                "is not the owner: have them added, or use --on-new-columns ignore"
            )

    def reference_message(self, parent: TableName, /) -> str:
        """Return the message about a table that the user may not reference."""
        return (
            f"mode replace gathers the rows of {self.facts.name} in a table that "
            f"refers to {parent} as well, which this user may not: GRANT REFERENCES ON "
            f"{quoting.table(parent)} to it"
        )

    def _inserted_columns(self) -> Iterable[str]:
        """Return the columns that an insert sets."""
        columns = self.facts.columns
        if self.target.mode == "replace":
            return [each.name for each in columns if not each.generated]
        sent_columns = [each.column for each in self.plan.columns]
        # rows of known keys carry the stored values of required columns
        required = [each.name for each in columns if each.required]
        return dict.fromkeys([*sent_columns, *required])

    def _missing_row_privileges(self) -> Sequence[str]:
        """Return the privileges on stored rows that the user lacks for the mode."""
        needed = []
        if self.target.mode == "replace":
            needed = ["DELETE"] if self.facts.referenced else ["TRUNCATE"]
        granted = self.rights.table_privileges
        missing = [privilege for privilege in needed if privilege not in granted]
        updated = self._updated_columns()
        refused = [name for name in updated if name not in self.rights.updatable]
        if refused:
            is_partial = len(refused) < len(updated)
            columns = quoting.names(refused)
            missing.append(f"UPDATE ({columns})" if is_partial else "UPDATE")
        return missing

    def _updated_columns(self) -> Sequence[str]:
        """Return the columns that the load may update in stored rows."""
        facts, target = self.facts, self.target
        # rows that others refer to are updated if their key comes again, not replaced
        stay = target.mode == "replace" and facts.referenced and target.key
        if target.mode != "upsert" and not stay:
            return []
        fixed = {*target.key, *(each.name for each in facts.columns if each.identity)}
        return [each.column for each in self.plan.columns if each.column not in fixed]
