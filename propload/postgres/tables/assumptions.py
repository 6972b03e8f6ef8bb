"""What a plan assumes about a table, and whether the table has changed since."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict, cast

from propload.errors import TableGoneError, WriteError
from propload.postgres.session import failures
from propload.postgres.sql.assumptions import ASSUMPTIONS_QUERY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from propload.postgres.session.connection import Connection
    from propload.target import TableName

#: The OIDs of `text` and `varchar`, the same on every server. Changing one to the other
#: is harmless: rows are sent as the same text, and the server refuses one that is too
#: long.
_TEXT_OIDS = frozenset({25, 1043})
#: The OID of `char(n)`, whose length may change for the same reason.
_CHAR_OID = 1042


#: The message about a table whose OID has changed.
RECREATED = "it was dropped and created again"

#: A column's type OID, its typmod, both as PostgreSQL writes them, and its number.
_Column: TypeAlias = tuple[int, int, str, int]


class _Answer(TypedDict):
    """The result of `ASSUMPTIONS_QUERY`, as far as a plan needs it."""

    oid: int
    columns: dict[str, _Column]
    keys: list[list[str]] | None
    triggered: bool
    ruled: bool
    secured: bool
    #: Columns that are NOT NULL and have no default.
    required: list[str] | None


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan assumes about a table.

    Attributes:
        answer: The server's last answer about it; the same text means that nothing
            changed.
        earlier: The answers before that, oldest first: the plan was made from the first
            one, and remained valid with all the others.
    """

    answer: str
    earlier: tuple[str, ...] = ()

    @classmethod
    def read(cls, connection: Connection, table: TableName, /) -> Assumptions | None:
        """Return the assumptions for a table as it is now, or None if it is gone.

        Raises:
            ServerError: The connection broke.
        """
        rows = connection.ask(ASSUMPTIONS_QUERY, (table.namespace, table.table))
        return cls(rows[0][0]) if rows else None

    def changes(
        self,
        later: Assumptions,
        /,
        *,
        columns: Collection[str],
        key: Collection[str],
        accepts_partial_rows: bool = False,
    ) -> Iterator[str]:
        """Yield a message for each assumption that no longer holds.

        Args:
            later: The assumptions for the same table, read later.
            columns: The columns of the rows.
            key: The columns by which rows are looked up, or none.
            accepts_partial_rows: Whether rows may be parts of stored ones, as in an
                upsert.
        """
        before, after = self._merged(), _read(later.answer)
        if before["oid"] != after["oid"]:
            yield RECREATED
        for column in columns:
            yield from _changes_of(column, before, after)
        if not accepts_partial_rows:
            # without a required column, every row would be rejected
            yield from _new_requirements(columns, before, after)
        if key and _is_key(key, before) and not _is_key(key, after):
            yield f"it no longer has a unique constraint on ({', '.join(key)})"
        if after["triggered"] and not before["triggered"]:
            yield "it has a trigger now that may skip or change rows"
        if after["ruled"] and not before["ruled"]:
            yield "it has a rule now"
        if after["secured"] and not before["secured"]:
            yield "row-level security applies to this user now"

    def followed_by(self, later: Assumptions, /) -> Assumptions:
        """Return the assumptions for the table after a harmless change.

        Args:
            later: The assumptions for the same table, read after the change.
        """
        answers = dict.fromkeys((*self.earlier, self.answer))
        return Assumptions(later.answer, tuple(answers))

    def _merged(self) -> _Answer:
        """Return all earlier answers merged, with the oldest entry for each column."""
        answers = [_read(text) for text in (*self.earlier, self.answer)]
        columns: dict[str, _Column] = {}
        for answer in answers:
            columns = {**answer["columns"], **columns}
        return {
            "oid": answers[0]["oid"],
            "columns": columns,
            "keys": [key for answer in answers for key in answer["keys"] or ()],
            "triggered": any(answer["triggered"] for answer in answers),
            "ruled": any(answer["ruled"] for answer in answers),
            "secured": any(answer["secured"] for answer in answers),
            "required": [
                name for answer in answers for name in answer["required"] or ()
            ],
        }


def require_unchanged(
    connection: Connection,
    table: TableName,
    assumptions: Assumptions,
    /,
    *,
    columns: Collection[str],
    key: Collection[str],
    accepts_partial_rows: bool,
) -> Assumptions:
    """Return the assumptions for the table as it is now, if the plan is still valid.

    The result remembers earlier states as well as the present one, so what the plan
    allows for, such as a trigger, may be removed and come back.

    Call it after the open transaction has written into the table: its locks keep the
    table as it is until the commit.

    Args:
        connection: The session that has written.
        table: The table.
        assumptions: What the plan assumes.
        columns: The columns of the rows.
        key: The columns by which rows are looked up, or none.
        accepts_partial_rows: Whether rows may be parts of stored ones, as in an upsert.

    Raises:
        TableGoneError: The table is gone, or was replaced by another one.
        WriteError: The table was changed, so that this plan might store rows with
            wrong values, or twice.
        ServerError: The connection broke.
    """
    now = Assumptions.read(connection, table)
    if now is not None and now.answer == assumptions.answer:
        return assumptions
    if now is None:
        raise failures.table_gone_error(str(table), is_replace=False)
    changes = list(
        assumptions.changes(
            now, columns=columns, key=key, accepts_partial_rows=accepts_partial_rows
        )
    )
    if changes:
        kind = TableGoneError if RECREATED in changes else WriteError
        raise changed_table_error(table, changes, kind=kind)
    return assumptions.followed_by(now)


def changed_table_error(
    table: TableName, changes: Iterable[str], /, *, kind: type[WriteError]
) -> WriteError:
    """Return the error for a batch whose plan no longer suits the table.

    Args:
        table: The table.
        changes: Messages about what has changed.
        kind: The error's class.
    """
    msg = (
        f"table {table} was changed while rows were being loaded into it: "
        f"{'; '.join(changes)}. Nothing of this batch was written"
    )
    return kind(msg, table=str(table))


def _read(text: str) -> _Answer:
    return cast("_Answer", json.loads(text))


def _is_key(key: Collection[str], answer: _Answer) -> bool:
    return any(set(columns) == set(key) for columns in answer["keys"] or ())


def _changes_of(column: str, before: _Answer, after: _Answer) -> Iterator[str]:
    was, now = before["columns"].get(column), after["columns"].get(column)
    if was is None:
        return
    if now is None:
        yield (
            f"column {column} is gone: if it was renamed, rename it back; if it "
            "was dropped, what committed rows held in it is gone"
        )
    elif was[3] != now[3]:
        # the values of committed rows are in the earlier column
        yield (
            f"column {column} is a different one now: it was dropped and created "
            "again, or two have swapped names"
        )
    elif not _is_compatible(was, now):
        yield f"column {column} is {now[2]} now and was {was[2]}"


def _new_requirements(
    columns: Collection[str], before: _Answer, after: _Answer
) -> Iterator[str]:
    for column in after["required"] or ():
        if column not in columns and column not in (before["required"] or ()):
            yield (
                f"column {column} is NOT NULL and has no default now, and the input "
                "lacks it: set a default in the table"
            )


def _is_compatible(was: _Column, now: _Column) -> bool:
    types = {was[0], now[0]}
    if types <= _TEXT_OIDS or types == {_CHAR_OID}:
        return True
    return (was[0], was[1]) == (now[0], now[1])
