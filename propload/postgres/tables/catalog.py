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
from propload.postgres.tables.facts import TableColumn, TableFacts, Tie, Traits
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
        found = connection.ask(DESCRIPTION_QUERY, name)
        if not found:
            return None
        # all from one query: any later change is noticed before a row is committed
        assumptions, *told = found[0]
        relation, ties, columns = (json.loads(each or "[]") for each in told)
        _refuse_unwritable(table, relation)
        keys = [tie for tie in ties if tie["usable"]]
        return TableFacts(
            table,
            tuple(map(_column, columns)),
            next((tuple(key["key"]) for key in keys if key["first"]), ()),
            tuple(tuple(key["key"]) for key in keys),
            empty=connection.ask(is_empty_query(table))[0][0],
            inherited=relation["inherited"],
            referenced=relation["referenced"],
            oid=relation["oid"],
            ties=tuple(map(_tie, ties)),
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


def _tie(told: Record) -> Tie:
    equal, columns = tuple(told["equal"]), tuple(told["columns"])
    return Tie(told["name"], equal, columns, told["copied"])


def _column(told: Record) -> TableColumn:
    given = dict(told)
    array = ArrayForm(given.pop("delimiter"), given.pop("nested"))
    kind = "array" if given.pop("is_array") else _kind(given["kind"])
    element_kind = _kind(given["element_kind"])
    made = {**given, "kind": kind, "element_kind": element_kind, "array": array}
    return TableColumn(**made)


def _kind(letter: str | None) -> ColumnKind:
    return _KINDS.get(letter or "", "other")
