# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Statements that write the stage into the table: rows are judged, then written.

They use four aliases: `s` is the staged row, `o` the stored row as first seen,
`excluded` the row proposed for insertion, and `t` the stored row as it is when it is
written. Another session may have changed it in between, so the write judges it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.batch import ORDINAL
from propload.postgres.sql import comparing
from propload.postgres.sql.change_detection import (
    changes_query,
    detects_stale,
    force_casts,
    is_changed,
    is_stale,
    same_key,
)
from propload.postgres.sql.quoting import name, names, table, text
from propload.postgres.sql.shape import (
    CURRENT,
    INCOMING,
    PROPOSED,
    STORED,
    ColumnShape,
    Shape,
    Side,
)
from propload.postgres.sql.stage import COUNT_STAGE, STAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The sequence that counts updates where RETURNING cannot tell them from inserts: in
#: partitioned tables before PostgreSQL 18.
UPDATES = "pg_temp.propload_updates"
#: Reads how many updates the session has counted so far.
COUNT_UPDATES = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {UPDATES}"
#: The sequence that counts stale rows, which MERGE skips without reporting them.
STALES = "pg_temp.propload_stales"
#: Calls the function that `create_merge_function` creates.
CALL_MERGE = "SELECT * FROM pg_temp.propload_match()"


def create_counter(counter: str, /) -> str:
    """Return the statement that creates a counter for the session.

    Args:
        counter: `UPDATES` or `STALES`.
    """
    return f"CREATE TEMPORARY SEQUENCE {counter} CACHE 1"


def has_duplicate_keys(shape: Shape, /) -> str:
    """Return the query for whether any key occurs more than once in the stage."""
    key = ", ".join(INCOMING(shape.column(each)) for each in shape.key)
    return (
        f"SELECT EXISTS (SELECT FROM {STAGE} AS s GROUP BY {key} HAVING count(*) > 1)"
    )


def delete_duplicate_keys(shape: Shape, names: Sequence[str], /) -> str:
    """Return the statement that deletes all staged rows whose key occurs repeatedly.

    It returns how many were deleted.

    Args:
        shape: The table, and the columns of the stage.
        names: The columns of the key.
    """
    key = ", ".join(INCOMING(shape.column(each)) for each in names)
    duplicates = f"SELECT {key} FROM {STAGE} AS s GROUP BY {key} HAVING count(*) > 1"
    return (
        f"WITH gone AS (DELETE FROM {STAGE} AS s WHERE ({key}) IN ({duplicates}) "
        "RETURNING 1) SELECT count(*) FROM gone"
    )


def append(shape: Shape, /, *, where: str = "true") -> str:
    """Return the statement that inserts the rows of the stage, whatever is stored.

    Args:
        shape: The table and its columns.
        where: The condition on `s` that selects the rows.
    """
    values = ", ".join(INCOMING(column) for column in shape.columns)
    return (
        f"INSERT INTO {table(shape.table)} ({_columns(shape)}) "
        f"OVERRIDING SYSTEM VALUE SELECT {values} FROM {STAGE} AS s "
        f"WHERE {where} ORDER BY s.{ORDINAL}"
    )


def insert_on_conflict(
    shape: Shape,
    /,
    *,
    patched: Sequence[str] = (),
    where: str = "true",
    into: str = "",
    folds: bool = False,
) -> str:
    """Return the statement that writes the stage by INSERT ... ON CONFLICT.

    It returns five counts: rows judged stale, rows proposed, rows inserted, rows
    written, and the selected rows, as counted in the stage itself.

    Args:
        shape: The table and its rules.
        patched: Columns that are sent with nulls although the table takes none: if the
            row is stored already, its own value is proposed in place of the null.
        where: The condition on `s` that selects the rows.
        into: Where a function puts the counts: `INTO` and the name of a record.
        folds: Whether a row is proposed as the stored row would be after folding,
            because constraints are checked on the proposed row. The stored rows must be
            locked, so that no other session can change them.
    """
    stored = ""
    if patched or shape.required or folds:
        stored = f"LEFT JOIN {table(shape.table)} AS o ON {same_key(shape)} "
    insert = _insert(shape, "NOT stale", stored, patched, folds=folds)
    return (
        f"WITH judged AS MATERIALIZED ({changes_query(shape, where)}), "
        f"written AS ({insert} {_on_conflict(shape)} "
        f"RETURNING {_was_inserted(shape)} AS inserted) "
        "SELECT (SELECT count(*) FROM judged WHERE stale) AS stale, "
        "(SELECT count(*) FROM judged WHERE NOT stale) AS proposed, "
        "count(*) FILTER (WHERE inserted) AS inserted, count(*) AS written, "
        f"({COUNT_STAGE} AS s WHERE {where}) AS looked_at {into} FROM written"
    )


def create_merge_function(shape: Shape, /) -> str:
    """Return the statement that creates the function of `CALL_MERGE`.

    It needs PostgreSQL 17. The statement in a function is planned only once per
    session; planning takes 3 ms for 20 columns, as long as writing 500 rows. The
    function returns four counts: rows inserted, rows written, stale rows, and staged
    rows.
    """
    # a column of the table may have the name of a result column of the function
    body = f"#variable_conflict use_column\nBEGIN RETURN QUERY {_merge(shape)}; END"
    return (
        "CREATE FUNCTION pg_temp.propload_match() RETURNS TABLE ("
        "propload_inserted bigint, propload_written bigint, propload_stale bigint, "
        "propload_staged bigint) "
        f"LANGUAGE plpgsql AS {text(body)}"
    )


def _merge(shape: Shape) -> str:
    """Return the MERGE that writes the stage; of all ways it does the least work.

    A stored row that another session changes meanwhile is judged again. If another
    session inserts one of the keys meanwhile, the statement fails, and
    `insert_on_conflict` has to be used instead.
    """
    start, stale = "", "0::bigint"
    if detects_stale(shape):
        # the counter is reset before the first row is judged
        start = f"(SELECT setval('{STALES}', 1)) = 1 AND "
        stale = f"currval('{STALES}') - 1"
    incoming = ", ".join(INCOMING(column) for column in shape.columns)
    return (
        f"WITH written AS (MERGE INTO {table(shape.table)} AS t "
        # unsorted: COPY left the rows in key order, in which all sessions lock rows
        f"USING (SELECT * FROM {STAGE} AS s WHERE {start}{force_casts(shape)}) AS s "
        f"ON {same_key(shape, CURRENT)} {_when_matched(shape)} "
        f"WHEN NOT MATCHED THEN INSERT ({_columns(shape)}) OVERRIDING SYSTEM VALUE "
        f"VALUES ({incoming}) RETURNING merge_action() = 'INSERT' AS inserted) "
        f"SELECT count(*) FILTER (WHERE inserted), count(*), {stale}, "
        f"({COUNT_STAGE}) FROM written"
    )


def upsert_by_ctid(shape: Shape, /) -> str:
    """Return the statement that writes the stage if no other session interferes.

    It is used in place of `CALL_MERGE` where `Shape.supports_merge` says no. A stored
    row is updated by its ctid, and a new one is inserted without looking up its key
    again: a third less work than `insert_on_conflict`. If another session
    changes a row meanwhile, that row is not updated; if it inserts one of the keys, the
    statement fails. Both cases need `insert_on_conflict`.

    It returns five counts: rows judged stale, rows to update, rows updated, rows
    inserted, and staged rows.
    """
    insert = _insert(shape, "home IS NULL")
    judged = changes_query(shape, extra=["o.xmin AS version"])
    return (
        f"WITH judged AS MATERIALIZED ({judged}), "
        f"updated AS ({_update_in_place(shape)}), "
        f"inserted AS ({insert} RETURNING 1) "
        "SELECT (SELECT count(*) FROM judged WHERE stale), "
        "(SELECT count(*) FROM judged WHERE home IS NOT NULL AND NOT stale), "
        "(SELECT count(*) FROM updated), (SELECT count(*) FROM inserted), "
        f"({COUNT_STAGE})"
    )


def forecast(shape: Shape, /, *, erasing: Sequence[str] = ()) -> str:
    """Return the query for how many rows of the stage would be inserted or updated.

    It returns three counts: rows to insert, rows to update, and rows judged stale; and
    for each column of `erasing`, how many stored values would be erased.

    Args:
        shape: The table and its rules.
        erasing: Columns that hold nulls in the stage.
    """
    updated = "home IS NOT NULL AND NOT stale"
    erases = [
        f"s.{name(column)} IS NULL AND o.{name(column)} IS NOT NULL AS erases{number}"
        for number, column in enumerate(erasing)
    ]
    erased = [
        f"count(*) FILTER (WHERE {updated} AND erases{number})"
        for number in range(len(erasing))
    ]
    counts = [
        "count(*) FILTER (WHERE home IS NULL)",
        f"count(*) FILTER (WHERE {updated})",
        "count(*) FILTER (WHERE home IS NOT NULL AND stale)",
        *erased,
    ]
    rows = changes_query(shape, extra=erases)
    return (
        f"WITH judged AS MATERIALIZED ({rows}) SELECT {', '.join(counts)} FROM judged"
    )


def lock_stored_rows(shape: Shape, where: str, /) -> str:
    """Return the query that locks the stored rows that have the keys of staged rows.

    Args:
        shape: The table and its key.
        where: The condition on `s` that selects the staged rows.
    """
    return (
        f"SELECT 1 FROM {STAGE} AS s JOIN {table(shape.table)} AS o "
        f"ON {same_key(shape)} WHERE {where} "
        f"ORDER BY s.{ORDINAL} FOR NO KEY UPDATE OF o"
    )


def count_stale(shape: Shape, /, *, left_out: Sequence[int]) -> str:
    """Return the query that counts the staged rows that are stale by now.

    Args:
        shape: The table and its rules.
        left_out: The ordinals of staged rows that do not count.
    """
    kept = "true"
    if left_out:
        listed = ",".join(map(str, left_out))
        kept = f"s.{ORDINAL} <> ALL ('{{{listed}}}'::integer[])"
    return f"SELECT count(*) FROM ({changes_query(shape, kept)}) AS j WHERE stale"


def _when_matched(shape: Shape) -> str:
    assignments = _assignments(shape, INCOMING)
    if not assignments:
        return ""
    changes = is_changed(shape, INCOMING, CURRENT)
    if detects_stale(shape):
        stale = is_stale(shape, INCOMING, CURRENT)
        changes += f" AND CASE WHEN {stale} THEN nextval('{STALES}') < 0 ELSE true END"
    return f"WHEN MATCHED AND {changes} THEN UPDATE SET {assignments}"


def _insert(
    shape: Shape,
    chosen: str,
    stored: str = "",
    patched: Sequence[str] = (),
    *,
    folds: bool = False,
) -> str:
    def proposal(column: ColumnShape) -> str:
        if folds and column.name not in shape.key:
            return comparing.folded_value(shape, column, INCOMING, STORED)
        if column.name in patched:
            return f"coalesce({INCOMING(column)}, {STORED(column)})"
        return INCOMING(column)

    proposals = list(map(proposal, shape.columns))
    required = shape.required if stored else ()
    proposals += [f"o.{name(column)}" for column in required]
    listed = names([*(column.name for column in shape.columns), *required])
    return (
        f"INSERT INTO {table(shape.table)} AS t ({listed}) "
        f"OVERRIDING SYSTEM VALUE SELECT {', '.join(proposals)} "
        f"FROM {_ordered_rows(chosen)} JOIN {STAGE} AS s ON s.ctid = j.place {stored}"
    )


def _update_in_place(shape: Shape) -> str:
    assignments = _assignments(shape, INCOMING)
    if not assignments:
        return "SELECT WHERE false"
    # Servers older than November 2025 (15.15, 16.11) do not compare the ctid again if
    # another session changed the row meanwhile; they do compare who wrote it.
    return (
        f"UPDATE {table(shape.table)} AS t SET {assignments} "
        f"FROM {_ordered_rows('home IS NOT NULL AND NOT stale', version=True)} "
        f"JOIN {STAGE} AS s ON s.ctid = j.place "
        "WHERE t.ctid = j.home AND t.xmin = j.version RETURNING 1"
    )


def _ordered_rows(condition: str, *, version: bool = False) -> str:
    # every session takes its row locks in key order, which avoids deadlocks
    columns = "place, home, version" if version else "place"
    return f"(SELECT {columns} FROM judged WHERE {condition} ORDER BY ordinal) AS j"


def _assignments(shape: Shape, new: Side) -> str:
    """Return the SET list of an update; empty if stored rows are never changed."""
    if shape.mode == "insert-new":
        return ""
    return ", ".join(
        f"{name(column.name)} = {_assigned_value(shape, column, new)}"
        for column in shape.values
        if column.settable
    )


def _assigned_value(shape: Shape, column: ColumnShape, new: Side) -> str:
    if shape.on_null == "keep":
        return comparing.folded_value(shape, column, new, CURRENT)
    return new(column)


def _on_conflict(shape: Shape) -> str:
    key = names(shape.key)
    assignments = _assignments(shape, PROPOSED)
    if not assignments:
        return f"ON CONFLICT ({key}) DO NOTHING"
    changes = is_changed(shape, PROPOSED, CURRENT)
    if detects_stale(shape):
        changes += f" AND NOT ({is_stale(shape, PROPOSED, CURRENT)})"
    if shape.counts_by == "sequence":
        changes = f"CASE WHEN {changes} THEN nextval('{UPDATES}') > 0 END"
    return f"ON CONFLICT ({key}) DO UPDATE SET {assignments} WHERE {changes}"


def _was_inserted(shape: Shape) -> str:
    if shape.counts_by == "old":
        return f"old.{name(shape.key[0])} IS NULL"
    # ON CONFLICT DO UPDATE locks the row first, so its new version has xmax set
    return "t.xmax = 0" if shape.counts_by == "xmax" else "true"


def _columns(shape: Shape) -> str:
    return names(column.name for column in shape.columns)
