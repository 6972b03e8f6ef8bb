# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Conditions for staged rows that would change the table, and for stale ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.batch import ORDINAL
from propload.postgres.sql import comparing
from propload.postgres.sql.quoting import table
from propload.postgres.sql.shape import INCOMING, STORED, Shape, Side
from propload.postgres.sql.stage import STAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How many arguments a function call takes at most, in PostgreSQL as it is built.
_ARGUMENTS = 100


def changes_query(
    shape: Shape, where: str = "true", /, *, extra: Sequence[str] = ()
) -> str:
    """Return the query for staged rows that are new or differ from the stored row.

    It returns the ctid of each in the stage (`place`), its ordinal, the ctid of the
    stored row (`home`, null if there is none) and whether it is stale.

    Args:
        shape: The table and its rules.
        where: The condition on `s` that selects the rows.
        extra: Further expressions of `s` and `o` to return.
    """
    more = "".join(f", {expression}" for expression in extra)
    stored = STORED(shape.column(shape.key[0]))
    return (
        f"SELECT s.ctid AS place, s.{ORDINAL} AS ordinal, o.ctid AS home, "
        f"{stored} IS NOT NULL AND {is_stale(shape)} AS stale{more} "
        f"FROM {STAGE} AS s LEFT JOIN {table(shape.table)} AS o "
        f"ON {same_key(shape)} "
        f"WHERE {where} AND {force_casts(shape)} "
        f"AND ({stored} IS NULL OR {is_changed(shape)})"
    )


def force_casts(shape: Shape, /) -> str:
    """Return a condition that is always true but casts every value, to find bad ones.

    A row with a value that its column cannot hold is refused, whatever the table holds.
    Without this condition, a row that is not written might not be cast.
    """
    if not shape.may_skip_changed:
        return "true"
    values = [INCOMING(each) for each in shape.values if each.cast_type is not None]
    calls = (values[n : n + _ARGUMENTS] for n in range(0, len(values), _ARGUMENTS))
    cast = [f"pg_catalog.num_nonnulls({', '.join(call)}) >= 0" for call in calls]
    return " AND ".join(cast) or "true"


def is_changed(shape: Shape, new: Side = INCOMING, stored: Side = STORED, /) -> str:
    """Return the condition that a row would change the stored one, stale or not."""
    if shape.mode == "insert-new":
        return "false"
    if shape.on_null == "keep":
        return comparing.has_new_value(shape, new, stored)
    return comparing.differs(shape, new, stored)


def is_stale(shape: Shape, new: Side = INCOMING, stored: Side = STORED, /) -> str:
    """Return the condition that a row that differs from the stored one is stale."""
    if not detects_stale(shape):
        return "false"
    if shape.on_null == "keep":
        return f"NOT {comparing.fold_changes_old(shape, new, stored)}"
    return comparing.old_wins(shape, new, stored)


def detects_stale(shape: Shape, /) -> bool:
    """Return whether rows are checked for being stale."""
    return shape.newest is not None and shape.mode != "insert-new"


def same_key(shape: Shape, stored: Side = STORED, /) -> str:
    """Return the condition that a staged row and a stored one have the same key."""
    return " AND ".join(
        f"{stored(column)} = {INCOMING(column)}"
        for column in map(shape.column, shape.key)
    )
