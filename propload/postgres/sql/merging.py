# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Rows of the stage into the table: judged first, then inserted or updated.

Four sides meet: `s` the stage, `o` the stored row as first seen, `excluded` the
row proposed, `t` the stored row as it is when the write comes to it. Another
session may have changed it in between, so the write judges again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.shape import (
    CURRENT,
    INCOMING,
    ORDINAL,
    PROPOSED,
    STORED,
    Shape,
)
from propload.postgres.sql import comparing
from propload.postgres.sql.quoting import name, names, table

if TYPE_CHECKING:
    from collections.abc import Sequence

STAGE = "propload_stage"
#: Counts updates where RETURNING cannot tell them: partitions before version 18.
UPDATES = "propload_updates"
EMPTY_STAGE = f"DELETE FROM {STAGE}"


def create_stage(shape: Shape, /) -> str:
    """Return the statement that makes the session's stage, free of constraints."""
    columns = [f"{name(c.name)} {c.stage_type}" for c in shape.columns]
    return (
        f"CREATE TEMPORARY TABLE {STAGE} "
        f"({', '.join([f'{ORDINAL} integer', *columns])}) ON COMMIT DELETE ROWS"
    )


def create_updates() -> str:
    """Return the statement that makes the session's counter of updates."""
    return f"CREATE TEMPORARY SEQUENCE {UPDATES} CACHE 1"


def count_updates() -> str:
    """Return the query for the updates that the session has counted so far."""
    return f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {UPDATES}"


def append(shape: Shape, /, *, within: str = "true") -> str:
    """Return the statement that adds the stage's rows as they are.

    Args:
        shape: The table and its columns.
        within: The condition on `s` that picks the rows.
    """
    values = ", ".join(INCOMING(column) for column in shape.columns)
    return (
        f"INSERT INTO {table(shape.table)} ({_columns(shape)}) "
        f"OVERRIDING SYSTEM VALUE SELECT {values} FROM {STAGE} AS s "
        f"WHERE {within} ORDER BY s.{ORDINAL}"
    )


def merge(
    shape: Shape,
    /,
    *,
    patched: Sequence[str] = (),
    within: str = "true",
    into: str = "",
) -> str:
    """Return one statement that writes the stage and answers with four counts.

    They are: rows judged stale, rows proposed, rows inserted, rows written.

    Args:
        shape: The table and its rules.
        patched: Travelling columns that take no null although the frame holds
            some: an existing row proposes its own value for them.
        within: The condition on `s` that picks the rows.
        into: Where a function puts the counts, `INTO` and a record's name.
    """
    return (
        f"WITH judged AS MATERIALIZED ({_judged(shape, within)}), "
        f"written AS ({_insert(shape, patched)} "
        f"RETURNING {_was_inserted(shape)} AS inserted) "
        "SELECT (SELECT count(*) FROM judged WHERE stale) AS c1, "
        "(SELECT count(*) FROM judged WHERE NOT stale) AS c2, "
        f"count(*) FILTER (WHERE inserted) AS c3, count(*) AS c4 {into} FROM written"
    )


def count_overtaken(shape: Shape, /, *, without: Sequence[int] = ()) -> str:
    """Return the query for staged rows that now meet a newer stored row."""
    return (
        f"SELECT count(*) FROM {STAGE} AS s JOIN {table(shape.table)} AS o "
        f"ON {_same_key(shape)} WHERE {_kept(without)} "
        f"AND {comparing.differs(shape, INCOMING, STORED)} "
        f"AND {comparing.loses(shape, INCOMING, STORED)}"
    )


def _judged(shape: Shape, within: str) -> str:
    stored = f"{STORED(shape.column(shape.key[0]))}"
    return (
        f"SELECT s.ctid AS place, s.{ORDINAL} AS ordinal, "
        f"{stored} IS NOT NULL AND {_is_stale(shape)} AS stale "
        f"FROM {STAGE} AS s LEFT JOIN {table(shape.table)} AS o "
        f"ON {_same_key(shape)} "
        f"WHERE {within} AND ({stored} IS NULL OR {_is_news(shape)})"
    )


def _is_news(shape: Shape) -> str:
    if shape.mode == "insert-new":
        return "false"
    if shape.on_null == "keep":
        return comparing.knows_other(shape, INCOMING, STORED)
    return comparing.differs(shape, INCOMING, STORED)


def _is_stale(shape: Shape) -> str:
    if shape.newest is None or shape.mode == "insert-new":
        return "false"
    if shape.on_null == "keep":
        return f"NOT {comparing.adds(shape, INCOMING, STORED)}"
    return comparing.loses(shape, INCOMING, STORED)


def _insert(shape: Shape, patched: Sequence[str]) -> str:
    proposals = [
        f"coalesce({INCOMING(column)}, {STORED(column)})"
        if column.name in patched
        else INCOMING(column)
        for column in shape.columns
    ]
    proposals += [f"o.{name(required)}" for required in shape.required]
    stored = ""
    if patched or shape.required:
        stored = f"LEFT JOIN {table(shape.table)} AS o ON {_same_key(shape)} "
    return (
        f"INSERT INTO {table(shape.table)} AS t ({_columns(shape)}) "
        f"OVERRIDING SYSTEM VALUE SELECT {', '.join(proposals)} "
        # every session takes its row locks in the order of the key
        "FROM (SELECT place FROM judged WHERE NOT stale ORDER BY ordinal) AS j "
        f"JOIN {STAGE} AS s ON s.ctid = j.place {stored}{_on_conflict(shape)}"
    )


def _on_conflict(shape: Shape) -> str:
    settable = [column for column in shape.values if column.settable]
    if shape.mode == "insert-new" or not settable:
        return f"ON CONFLICT ({names(shape.key)}) DO NOTHING"
    if shape.on_null == "keep":
        changes = comparing.adds(shape, PROPOSED, CURRENT)
        values = [comparing.folded(shape, c, PROPOSED, CURRENT) for c in settable]
    else:
        changes = (
            f"{comparing.differs(shape, PROPOSED, CURRENT)} "
            f"AND NOT {comparing.loses(shape, PROPOSED, CURRENT)}"
        )
        values = [PROPOSED(column) for column in settable]
    if shape.counts_by == "sequence":
        changes = f"CASE WHEN {changes} THEN nextval('{UPDATES}') > 0 END"
    assignments = ", ".join(
        f"{name(column.name)} = {value}"
        for column, value in zip(settable, values, strict=True)
    )
    key = names(shape.key)
    return f"ON CONFLICT ({key}) DO UPDATE SET {assignments} WHERE {changes}"


def _was_inserted(shape: Shape) -> str:
    if shape.counts_by == "old":
        return f"old.{name(shape.key[0])} IS NULL"
    # the new version of an updated row carries the lock of this transaction
    return "t.xmax = 0" if shape.counts_by == "xmax" else "true"


def _columns(shape: Shape) -> str:
    return names([*(column.name for column in shape.columns), *shape.required])


def _same_key(shape: Shape) -> str:
    return " AND ".join(
        f"{STORED(column)} = {INCOMING(column)}"
        for column in map(shape.column, shape.key)
    )


def _kept(without: Sequence[int]) -> str:
    if not without:
        return "true"
    return f"s.{ORDINAL} <> ALL ('{{{','.join(map(str, without))}}}'::integer[])"
