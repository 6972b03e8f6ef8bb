"""What became of staged rows, exactly, whatever other sessions did meanwhile.

The server says how many rows it looked at. A statement that passed over rows of the
stage therefore gives counts that do not add up, and its transaction is not committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import merging
from propload.postgres.sql.change_detection import tells_stale
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
    """Write the stage into the table and return what became of its rows.

    Args:
        connection: The session that has the stage.
        shape: The table and its rules.
        patched: Columns for which an existing row proposes its own value.
    """
    if not shape.key:
        staged = int(connection.value(COUNT_STAGE))
        added = connection.execute(merging.append(shape)) or 0
        # a trigger may have skipped some
        return counts_of(staged, inserted=added)
    if shape.merges:
        inserted, written, stale, staged = connection.rows(merging.MATCH)[0]
        return counts_of(
            staged, inserted=inserted, updated=written - inserted, stale=stale
        )
    first = Counts()
    if not shape.partitioned:
        answer = connection.rows(merging.place(shape))[0]
        stale, wanted, updated, inserted, staged = answer
        first = counts_of(staged, inserted=inserted, updated=updated, stale=stale)
        if wanted == updated:
            # no other session came in between
            return first
    before = updates_so_far(connection, shape)
    told = connection.records(merging.merge(shape, patched=patched))[0]
    rest = merged_counts(connection, shape, told, before)
    # what the first statement wrote is unchanged to the second
    inserted = first.inserted + rest.inserted
    updated = first.updated + rest.updated
    staged = rest.accounted
    stale = min(rest.stale, staged - inserted - updated)
    return counts_of(staged, inserted=inserted, updated=updated, stale=stale)


def counts_of(
    rows: int, /, *, inserted: int = 0, updated: int = 0, stale: int = 0
) -> Counts:
    """Return the counts of so many rows: those that met no other end are unchanged."""
    return Counts(
        inserted=inserted,
        updated=updated,
        unchanged=rows - inserted - updated - stale,
        stale=stale,
    )


def updates_so_far(connection: Connection, shape: Shape, /) -> int:
    """Return the session's count of updates where RETURNING cannot tell them."""
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
    without: Sequence[int] = (),
) -> Counts:
    """Return counts that add up to the rows that the statement looked at.

    Args:
        connection: The session that wrote.
        shape: The table and its rules.
        answer: What `merging.merge` answered.
        before: The count of updates before it.
        without: Ordinals of rows that were left out.
    """
    stale, inserted, written = answer["stale"], answer["inserted"], answer["written"]
    if shape.counts_by == "sequence":
        inserted = written - (updates_so_far(connection, shape) - before)
    looked_at = answer["looked_at"]
    if answer["proposed"] != written and tells_stale(shape):
        # another session changed rows between the judgement and the write
        query = merging.count_overtaken(shape, without=without)
        stale = int(connection.value(query))
    return counts_of(
        looked_at,
        inserted=inserted,
        updated=written - inserted,
        stale=min(stale, looked_at - written),
    )
