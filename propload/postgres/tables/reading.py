"""Reads what a table is made of from the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from propload.errors import WriteError
from propload.postgres.session.failures import MISSING_RIGHT
from propload.postgres.sql import quoting
from propload.postgres.sql.tables import (
    COLUMNS_QUERY,
    RELATION_QUERY,
    TIES_QUERY,
    is_empty_query,
)
from propload.postgres.tables.facts import TableColumn, TableFacts, Tie, Traits
from propload.postgres.tables.premises import Premises
from propload.postgres.tables.stored_keys import StoredKeys
from propload.target import ArrayForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import ColumnKind
    from propload.target import TableName, Target

_KINDS: Mapping[str, ColumnKind] = {
    "b": "base",
    "e": "enum",
    "r": "range",
    "m": "range",
    "c": "composite",
}
#: What `COLUMNS_QUERY` answers with, in order, by the names that columns have for it.
_COLUMN = (
    *("name", "pg_type", "base", "kind", "is_array", "nullable", "has_default"),
    *("generated", "identity", "domain", "typmod_type", "element_base"),
    *("element_kind", "collation", "loose", "comparable", "element_type"),
    *("delimiter", "nested"),
)
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
    """Return the facts of a table, or None where there is none of that name.

    Ends the open transaction.

    Raises:
        WriteError: The name is a view or the like, or this user may not write it.
    """
    try:
        # first of all: what changes after it is noticed before a row is committed
        premises = Premises.read(connection, table)
        found = connection.rows(RELATION_QUERY, (table.namespace, table.table))
        if not found or premises is None:
            return None
        oid, kind, permitted, secured, inherited, referenced, *traits = found[0]
        _refuse_unwritable(table, str(kind), str(permitted), secured=bool(secured))
        bonds = connection.rows(TIES_QUERY, (int(oid),))
        keys = [
            (is_first, tuple(columns))
            for _, _, is_first, _, stands_for_a_key, columns, _, _ in bonds
            if stands_for_a_key
        ]
        return TableFacts(
            table,
            _read_columns(connection, int(oid)),
            next((key for is_first, key in keys if is_first), ()),
            tuple(key for _, key in keys),
            empty=bool(connection.rows(is_empty_query(table))[0][0]),
            inherited=bool(inherited),
            referenced=bool(referenced),
            oid=int(oid),
            ties=tuple(
                Tie(name, tuple(equal), tuple(columns), bool(copied))
                for _, name, _, copied, _, _, equal, columns in bonds
            ),
            traits=Traits(kind == "p", *map(bool, traits)),
            premises=premises,
        )
    finally:
        connection.rollback()


def require_mode(connection: Connection, facts: TableFacts, target: Target, /) -> None:
    """Refuse a mode that the table has no room for, and say what is to be done first.

    Ends the open transaction where the table does not keep the key unique.

    Raises:
        WriteError: As `TableFacts.require_mode`.
    """
    key = [column for name in target.key if (column := facts.column(name))]
    is_told = len(key) == len(target.key) and all(column.comparable for column in key)
    stored = None
    if is_told and facts.needs_key(target) and not facts.keeps_unique(target.key):
        stored = StoredKeys.read(connection, facts.name, target.key)
    facts.require_mode(target, stored)


def _refuse_unwritable(
    table: TableName, kind: str, permitted: str, *, secured: bool
) -> None:
    if kind not in ("r", "p"):
        what = _NOT_TABLES.get(kind, "not a table")
        msg = f"{table} is {what}"
        raise WriteError(msg, table=str(table))
    if permitted:
        msg = (
            f"this user may not write {table}: GRANT {permitted} to it"
            if permitted != "USAGE"
            else f"this user may not use {table.namespace}: "
            f"GRANT USAGE ON SCHEMA {quoting.name(table.namespace)} to it"
        )
        raise WriteError(msg, table=str(table), sqlstate=MISSING_RIGHT)
    if secured:
        msg = (
            f"row-level security applies to this user on {table}, where COPY does "
            "not work: load as the owner or as a role with BYPASSRLS"
        )
        raise WriteError(msg, table=str(table))


def _read_columns(connection: Connection, oid: int) -> tuple[TableColumn, ...]:
    return tuple(map(_column, connection.rows(COLUMNS_QUERY, (oid,))))


def _column(row: tuple[Any, ...]) -> TableColumn:
    told = dict(zip(_COLUMN, row, strict=True))
    array = ArrayForm(told.pop("delimiter"), told.pop("nested"))
    kind = "array" if told.pop("is_array") else _kind(told["kind"])
    element_kind = _kind(told["element_kind"])
    made = {**told, "kind": kind, "element_kind": element_kind, "array": array}
    return TableColumn(**made)


def _kind(letter: str | None) -> ColumnKind:
    return _KINDS.get(letter or "", "other")
