"""Writes the stage into the table and counts what happened to each row.

The counts are exact whatever other sessions do meanwhile. They add up to the number of
staged rows that the server itself has counted: if rows are missing from the stage or
were skipped, they do not add up to the piece, which is then not committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import merging
from propload.postgres.sql.change_detection import detects_stale
from propload.postgres.sql.stage import COUNT_STAGE
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.session.connection import Connection
    from propload.postgres.session.statements import Record
    from propload.postgres.sql.shape import Shape


def write_stage(
    connection: Connection, shape: Shape, patched: Sequence[str], /
) -> Counts:
    """Write the stage into the table and return the counts of its rows.

    Args:
        connection: The session that has the stage.
        shape: The table and its rules.
        patched: Columns for which a stored row's own value is proposed in place of
            null.
    """
    if not shape.key:
        staged = int(connection.value(COUNT_STAGE))
        added = connection.execute(merging.append(shape)) or 0
        # a trigger may have skipped some
        return counts_of(staged, inserted=added)
    if shape.supports_merge:
        inserted, written, stale, staged = connection.rows(merging.CALL_MERGE)[0]
        return counts_of(
            staged, inserted=inserted, updated=written - inserted, stale=stale
        )
    first = Counts()
    if not shape.partitioned:
        answer = connection.rows(merging.upsert_by_ctid(shape))[0]
        stale, to_update, updated, inserted, staged = answer
        first = counts_of(staged, inserted=inserted, updated=updated, stale=stale)
        if to_update == updated:
            # no other session changed one of the rows in between
            return first
    before = updates_so_far(connection, shape)
    counted = connection.records(merging.insert_on_conflict(shape, patched=patched))[0]
    rest = merged_counts(connection, shape, counted, before)
    # rows that the first statement wrote are unchanged for the second
    inserted = first.inserted + rest.inserted
    updated = first.updated + rest.updated
    staged = rest.accounted
    stale = min(rest.stale, staged - inserted - updated)
    return counts_of(staged, inserted=inserted, updated=updated, stale=stale)


def counts_of(
    rows: int, /, *, inserted: int = 0, updated: int = 0, stale: int = 0
) -> Counts:
    """Return the counts of rows; those not otherwise counted are unchanged."""
    return Counts(
        inserted=inserted,
        updated=updated,
        unchanged=rows - inserted - updated - stale,
        stale=stale,
    )


def updates_so_far(connection: Connection, shape: Shape, /) -> int:
    """Return the session's count of updates; 0 where RETURNING tells them."""
    if shape.counts_by != "sequence":
        return 0
    return int(connection.value(merging.COUNT_UPDATES))


def merged_counts(
    connection: Connection,
    shape: Shape,
    answer: Record,
    before: int,
    /,
    *,
    left_out: Sequence[int] = (),
) -> Counts:
    """Return the counts of `merging.insert_on_conflict`, which add up to its rows.

    Args:
        connection: The session that executed it.
        shape: The table and its rules.
        answer: The counts that it returned.
        before: The result of `updates_so_far` before it.
        left_out: The ordinals of rows that were left out.
    """
    stale, inserted, written = answer["stale"], answer["inserted"], answer["written"]
    if shape.counts_by == "sequence":
        inserted = written - (updates_so_far(connection, shape) - before)
    looked_at = answer["looked_at"]
    if answer["proposed"] != written and detects_stale(shape):
        # another session changed rows after they were judged and before the write
        query = merging.count_stale(shape, left_out=left_out)
        stale = int(connection.value(query))
    return counts_of(
        looked_at,
        inserted=inserted,
        updated=written - inserted,
        stale=min(stale, looked_at - written),
    )
