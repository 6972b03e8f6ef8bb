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
        return Counts(inserted=added, unchanged=staged - added)
    if shape.merges:
        inserted, written, stale, staged = connection.rows(merging.MATCH)[0]
        return Counts(
            inserted=inserted,
            updated=written - inserted,
            stale=stale,
            unchanged=staged - written - stale,
        )
    first = Counts()
    if not shape.partitioned:
        first, done = _place(connection, shape)
        if done:
            return first
    before = updates_so_far(connection, shape)
    answer = connection.records(merging.merge(shape, patched=patched))[0]
    # what the first statement wrote is unchanged to the second
    rest = merged_counts(connection, shape, answer, before)
    inserted = first.inserted + rest.inserted
    updated = first.updated + rest.updated
    left = rest.accounted - inserted - updated
    stale = min(rest.stale, left)
    unchanged = left - stale
    return Counts(inserted=inserted, updated=updated, unchanged=unchanged, stale=stale)


def _place(connection: Connection, shape: Shape) -> tuple[Counts, bool]:
    """Write the stage, and tell whether no other session came in between."""
    answer = connection.rows(merging.place(shape))[0]
    stale, wanted, updated, inserted, staged = answer
    unchanged = staged - inserted - updated - stale
    counts = Counts(
        inserted=inserted, updated=updated, unchanged=unchanged, stale=stale
    )
    return counts, bool(wanted == updated)


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
    rest = answer["looked_at"] - written
    if answer["proposed"] != written and tells_stale(shape):
        # another session changed rows between the judgement and the write
        query = merging.count_overtaken(shape, without=without)
        stale = int(connection.value(query))
    stale = min(stale, rest)
    return Counts(
        inserted=inserted,
        updated=written - inserted,
        unchanged=rest - stale,
        stale=stale,
    )
