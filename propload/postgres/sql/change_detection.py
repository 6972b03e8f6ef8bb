# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Which rows of the stage are news to the table, and which of these are stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.batch import ORDINAL
from propload.postgres.sql import comparing
from propload.postgres.sql.quoting import table
from propload.postgres.sql.shape import INCOMING, STORED, Shape, Side
from propload.postgres.sql.stage import STAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How many arguments a function of the server takes.
_ARGUMENTS = 100


def judged(shape: Shape, within: str = "true", /, *, also: Sequence[str] = ()) -> str:
    """Return the query for staged rows that are news to the table.

    It tells each one's place in the stage, its ordinal, where the stored row was
    seen (null where there is none) and whether it is stale.

    Args:
        shape: The table and its rules.
        within: The condition on `s` that picks the rows.
        also: What else it tells of `s` and `o`.
    """
    more = "".join(f", {one}" for one in also)
    stored = STORED(shape.column(shape.key[0]))
    return (
        f"SELECT s.ctid AS place, s.{ORDINAL} AS ordinal, o.ctid AS home, "
        f"{stored} IS NOT NULL AND {is_stale(shape)} AS stale{more} "
        f"FROM {STAGE} AS s LEFT JOIN {table(shape.table)} AS o "
        f"ON {same_key(shape)} "
        f"WHERE {within} AND {are_cast(shape)} "
        f"AND ({stored} IS NULL OR {is_news(shape)})"
    )


def are_cast(shape: Shape, /) -> str:
    """Return the condition, true of all rows, that casts what may not be written.

    A value that its column cannot hold is refused whatever the table holds. Where the
    stored row stays, the cast would be left out, or made by chance.
    """
    if not shape.passes_over:
        return "true"
    values = [INCOMING(each) for each in shape.values if each.cast_type is not None]
    calls = (values[n : n + _ARGUMENTS] for n in range(0, len(values), _ARGUMENTS))
    cast = [f"pg_catalog.num_nonnulls({', '.join(call)}) >= 0" for call in calls]
    return " AND ".join(cast) or "true"


def is_news(shape: Shape, new: Side = INCOMING, stored: Side = STORED, /) -> str:
    """Return the condition that a row would change the stored one by what it holds."""
    if shape.mode == "insert-new":
        return "false"
    if shape.on_null == "keep":
        return comparing.knows_other(shape, new, stored)
    return comparing.differs(shape, new, stored)


def is_stale(shape: Shape, new: Side = INCOMING, stored: Side = STORED, /) -> str:
    """Return the condition that a row, which is news, is older than the stored one."""
    if not tells_stale(shape):
        return "false"
    if shape.on_null == "keep":
        return f"NOT {comparing.outdoes(shape, new, stored)}"
    return comparing.loses(shape, new, stored)


def tells_stale(shape: Shape, /) -> bool:
    """Return whether rows may be older than the stored ones that they meet."""
    return shape.newest is not None and shape.mode != "insert-new"


def same_key(shape: Shape, stored: Side = STORED, /) -> str:
    """Return the condition that a staged row has the key of a stored one."""
    return " AND ".join(
        f"{stored(column)} = {INCOMING(column)}"
        for column in map(shape.column, shape.key)
    )
