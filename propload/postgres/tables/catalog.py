"""Read the facts of a table from the catalog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.session.failures import MISSING_RIGHT
from propload.postgres.sql import quoting
from propload.postgres.sql.describing import DESCRIPTION_QUERY
from propload.postgres.sql.tables import is_empty_query
from propload.postgres.tables.assumptions import Assumptions
from propload.postgres.tables.facts import (
    CrossRowConstraint,
    TableColumn,
    TableFacts,
    Traits,
)
from propload.target import ArrayForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.postgres.session.connection import Connection
    from propload.postgres.session.statements import Record
    from propload.postgres.tables.facts import ColumnKind
    from propload.target import TableName

_KINDS: Mapping[str, ColumnKind] = {
    "b": "base",
    "e": "enum",
    "r": "range",
    "m": "range",
    "c": "composite",
}
_NOT_TABLES = {
    "v": "a view: load into the table that it reads from",
    "m": "a materialized view: load into a table that it reads from",
    "f": "a foreign table: load into the table on its own server",
    "S": "a sequence: choose another name",
    "i": "an index: choose another name",
    "I": "an index: choose another name",
    "c": "a composite type: choose another name",
}


def describe(connection: Connection, table: TableName, /) -> TableFacts | None:
    """Return the facts of a table, or None if there is none of that name.

    Ends the open transaction.

    Raises:
        WriteError: The name is a view or the like, or this user may not write it.
    """
    try:
        name = (table.namespace, table.table)
        rows = connection.ask(DESCRIPTION_QUERY, name)
        if not rows:
            return None
        # all from one query: any later change is noticed before a row is committed
        assumptions, *documents = rows[0]
        relation, constraints, columns = (
            json.loads(document or "[]") for document in documents
        )
        _refuse_unwritable(table, relation)
        keys = [constraint for constraint in constraints if constraint["usable"]]
        return TableFacts(
            table,
            tuple(map(_column, columns)),
            next((tuple(key["key"]) for key in keys if key["first"]), ()),
            tuple(tuple(key["key"]) for key in keys),
            empty=connection.ask(is_empty_query(table))[0][0],
            inherited=relation["inherited"],
            referenced=relation["referenced"],
            oid=relation["oid"],
            cross_row_constraints=tuple(map(_cross_row_constraint, constraints)),
            traits=Traits(
                partitioned=relation["kind"] == "p",
                triggered=relation["triggered"],
                ruled=relation["ruled"],
                rewritten=relation["rewritten"],
            ),
            assumptions=Assumptions(assumptions),
        )
    finally:
        connection.rollback()


def _refuse_unwritable(table: TableName, relation: Record) -> None:
    kind, lacking = relation["kind"], relation["lacking"]
    if kind not in ("r", "p"):
        what = _NOT_TABLES.get(kind, "not a table")
        msg = f"{table} is {what}"
        raise WriteError(msg, table=str(table))
    if lacking:
        msg = (
            f"this user may not write {table}: GRANT {lacking} ON "
            f"{quoting.table(table)} to it, and UPDATE for an upsert"
            if lacking != "USAGE"
            else f"this user may not use {table.namespace}: "
            f"GRANT USAGE ON SCHEMA {quoting.name(table.namespace)} to it"
        )
        raise WriteError(msg, table=str(table), sqlstate=MISSING_RIGHT)
    if relation["secured"]:
        msg = (
            f"row-level security applies to this user on {table}, where COPY does "
            "not work: load as the owner or as a role with BYPASSRLS"
        )
        raise WriteError(msg, table=str(table))


def _cross_row_constraint(record: Record) -> CrossRowConstraint:
    equal, columns = tuple(record["equal"]), tuple(record["columns"])
    return CrossRowConstraint(record["name"], equal, columns, record["copied"])


def _column(record: Record) -> TableColumn:
    fields = dict(record)
    array = ArrayForm(fields.pop("delimiter"), fields.pop("nested"))
    kind = "array" if fields.pop("is_array") else _kind(fields["kind"])
    element_kind = _kind(fields["element_kind"])
    values = {**fields, "kind": kind, "element_kind": element_kind, "array": array}
    return TableColumn(**values)


def _kind(letter: str | None) -> ColumnKind:
    return _KINDS.get(letter or "", "other")
