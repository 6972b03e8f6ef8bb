"""The batch, the unit of everything, and the reasons of rows rejected from it.

Frames carry the column `ROW`: the position of a row in the raw rows of its batch.
It leads from a rejected row back to the row as it was read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

import polars as pl
import pyarrow as pa

ROW = "propload_row"
#: Columns that say where a rejected row came from, its source and its number there, and
#: as of when it was true (ISO 8601), or null if that is unknown.
SOURCE = "propload_source"
NUMBER = "propload_number"
AS_OF = "propload_as_of"
#: The position of a row in its frame: keeps the frame's order and identifies bad rows.
ORDINAL = "propload_ordinal"
#: How many later rows of the batch have the same key as a row.
DEPTH = "propload_depth"
#: Names of columns that propload adds to frames: no source may have such a column.
OWN_NAMES = frozenset({ROW, SOURCE, NUMBER, AS_OF, ORDINAL, DEPTH})
#: The columns of a frame that says where rows came from.
ORIGINS = pl.Schema(
    {ROW: pl.UInt32, SOURCE: pl.String, NUMBER: pl.Int64, AS_OF: pl.String}
)

Stage = Literal["read", "map", "check", "database"]

#: One line per reason: a row with three reasons has three lines.
REASONS = pl.Schema(
    {
        ROW: pl.UInt32,
        "stage": pl.String,
        "column": pl.String,
        "check": pl.String,
        "value": pl.String,
        "message": pl.String,
        "sqlstate": pl.String,
    }
)


#: In the metadata of a column: the PostgreSQL type of a table column created for it, if
#: its Arrow type does not determine that: text for want of a type, decimals of any
#: scale.
CREATED_AS = b"propload:created_as"


#: In the metadata of a text column: its texts that look like numbers (`WRITTEN_NUMBER`)
#: are numbers in the source, except those in this JSON list.
NON_NUMBERS = b"propload:numbers_but"
#: A number with decimals, as sources write it as text.
WRITTEN_NUMBER = r"^-?[0-9]+\.[0-9]+$"


#: Made once, because making a frame with a schema takes longer than reading most rows.
_NO_REASONS = pl.DataFrame(schema=REASONS)


def no_reasons() -> pl.DataFrame:
    """Return an empty frame with the columns `REASONS`."""
    return _NO_REASONS.clone()


def reason_lines(
    rows: pl.DataFrame,
    /,
    *,
    stage: Stage,
    column: str | None,
    check: str,
    value: pl.Expr | None = None,
    message: pl.Expr,
) -> pl.DataFrame:
    """Return one reason for each row, with the columns `REASONS`.

    Args:
        rows: The rejected rows, with `ROW`.
        stage: The stage that rejected them.
        column: The column at fault, or None for the whole row.
        check: The short name of what failed.
        value: An expression of the rejected value as text; None leaves it out.
        message: An expression of what is wrong, as text, made from the rows' columns.
    """
    nothing = pl.lit(None, pl.String)
    # Polars 2.1 panics if `format` gets a column whose first chunk is empty, which a
    # filter can leave
    return rows.rechunk().select(
        pl.col(ROW),
        pl.lit(stage).alias("stage"),
        pl.lit(column, pl.String).alias("column"),
        pl.lit(check).alias("check"),
        (nothing if value is None else value).alias("value"),
        message.alias("message"),
        nothing.alias("sqlstate"),
    )


def join_reasons(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return several frames with the columns `REASONS` as one, in order."""
    full = [frame for frame in frames if frame.height]
    return pl.concat(full) if full else no_reasons()


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that a source could not turn into values.

    Attributes:
        row: Its 1-based number in the source.
        text: The row as the source has it, or the beginning of one too long to hold.
        check: A short name of what failed: `ragged`, `json`, `encoding`, ...
        message: What is wrong with it.
    """

    row: int
    text: str
    check: str
    message: str


#: A single row whose buffers have at most this size counts with all of them: computing
#: its share takes longer than encoding the row.
SMALL_BYTES = 4_096


def referenced_bytes(rows: pa.RecordBatch) -> int:
    """Return the size in bytes of the parts of buffers that rows refer to."""
    if rows.num_rows == 1 and (whole := rows.get_total_buffer_size()) <= SMALL_BYTES:
        return int(whole)
    size, views = int(rows.nbytes), _views(rows.schema)
    for place in views:
        column = rows.column(place)
        # of a view column Arrow counts whole buffers, which may hold many other rows
        size += pl.Series(column).estimated_size() - column.nbytes
    return size


@lru_cache
def _views(schema: pa.Schema) -> tuple[int, ...]:
    """Return the indices of the columns that have a view type (`string_view`, ...)."""
    return tuple(n for n, kind in enumerate(schema.types) if "_view" in str(kind))


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows on their way from a source.

    Attributes:
        rows: The rows; column types are the source's own.
        source: The source's name: a path, a URL, `frame`, a spider's name.
        first_row: The 1-based number of the first row in that source.
        row_numbers: Row numbers if they are not consecutive, else None.
        untyped: Whether text columns are text only because the format has no
            types (CSV), so that a type may be inferred from the values.
        unread: Rows between these that could not be read, in order of their numbers.
        as_of: As of when the rows were true (such as a file's modification time), or
            None if the source does not know.
        notes: What a reader of the report should know about how they were read.
        left: The values of the unread rows, if they are unread because a fix failed
            on them, else None.
    """

    rows: pa.RecordBatch
    source: str
    first_row: int
    row_numbers: tuple[int, ...] | None = None
    untyped: bool = False
    unread: tuple[Unread, ...] = ()
    as_of: datetime | None = None
    notes: tuple[str, ...] = ()
    left: pa.RecordBatch | None = None

    @property
    def nbytes(self) -> int:
        """How many bytes of memory the rows refer to."""
        return referenced_bytes(self.rows) + (
            0 if self.left is None else referenced_bytes(self.left)
        )

    @property
    def created_as(self) -> dict[str, str]:
        """PostgreSQL types of columns whose Arrow type does not determine them."""
        return {
            column.name: column.metadata[CREATED_AS].decode()
            for column in self.rows.schema
            if CREATED_AS in (column.metadata or {})
        }

    @property
    def numbers(self) -> Sequence[int]:
        """The row numbers in the source, without those of unread rows."""
        first = self.first_row
        return self.row_numbers or range(first, first + int(self.rows.num_rows))

    @property
    def height(self) -> int:
        """How many rows of the source it holds, unread ones included."""
        return int(self.rows.num_rows) + len(self.unread)

    def numbered_from(self, number: int) -> Batch:
        """Return the batch renumbered, its first row (read or unread) as `number`."""
        begins = [self.first_row] if self.rows.num_rows else []
        shift = number - min([*begins, *(fault.row for fault in self.unread)])
        return replace(
            self,
            first_row=self.first_row + shift,
            row_numbers=self.row_numbers
            and tuple(each + shift for each in self.row_numbers),
            unread=tuple(
                replace(fault, row=fault.row + shift) for fault in self.unread
            ),
        )

    def slice(self, start: int, stop: int) -> Batch:
        """Return the rows from start to stop (exclusive), without copying them.

        Args:
            start: The position of the first row, from 0, unread rows included.
            stop: The position after the last row, counted in the same way. Positions
                outside of the batch, and negative ones, mean what they do for a list.
        """
        # positions as a list counts them
        start, stop, _ = slice(start, stop).indices(self.height)
        stop = max(start, stop)
        skipped, through = self._unread_before(start), self._unread_before(stop)
        first, last = start - skipped, stop - through
        numbers = self.row_numbers
        return Batch(
            self.rows.slice(first, last - first),
            self.source,
            numbers[first]
            if numbers and first < len(numbers)
            else self.first_row + first,
            numbers[first:last] if numbers else None,
            self.untyped,
            self.unread[skipped:through],
            self.as_of,
            left=self.left and self.left.slice(skipped, through - skipped),
        )

    def _unread_before(self, place: int) -> int:
        """Return how many of the first `place` rows, in source order, are unread."""
        return bisect_left(
            range(len(self.unread)),
            place,
            key=lambda nth: nth + bisect_left(self.numbers, self.unread[nth].row),
        )


@dataclass(frozen=True, slots=True)
class PartialBatch:
    """A joined batch that an earlier process of its run has committed in part.

    Attributes:
        number: Its number in the run.
        first_row: The run's 0-based number of its first row.
        through_row: The number after that of its last row.
        accounted: For each lane that committed its piece, how many rows it accounted
            for.
        together: Whether all of its rows went to the first lane.
    """

    number: int
    first_row: int
    through_row: int
    accounted: Mapping[int, int]
    together: bool


class Sifted(NamedTuple):
    """What a step of prepare returns: rows that passed, and reasons for the others.

    Attributes:
        frame: The rows that passed, with the column `ROW`.
        reasons: One line per reason, as `reason_lines` returns them.
    """

    frame: pl.DataFrame
    reasons: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Deduped:
    """Rows after dedupe, of a batch or of the part of it that one lane writes.

    Attributes:
        layers: Frames with the target's columns and `ROW`, in key order, written one
            after the other; a key occurs at most once in each, except in mode append.
            Further layers hold rows among which the server chooses: those that have
            the key and `newest` of another but other content, or, if `newest` cannot
            be compared here, all distinct rows of a key.
        versions: All rows of the keys that occurred more than once, as they were
            before dedupe, or None if there are none. If the server refuses a row that
            was kept of such a key, all rows of the key are tried.
    """

    layers: tuple[pl.DataFrame, ...]
    versions: pl.DataFrame | None = None

    @property
    def nbytes(self) -> int:
        """How many bytes of memory all the rows take."""
        versions = () if self.versions is None else (self.versions,)
        return sum(int(each.estimated_size()) for each in (*self.layers, *versions))

    @property
    def height(self) -> int:
        """How many rows are to be written."""
        return sum(layer.height for layer in self.layers)

    @property
    def duplicates(self) -> int:
        """How many rows were dropped."""
        if self.versions is None:
            return 0
        rows = self.versions.get_column(ROW)
        kept = (layer.get_column(ROW).is_in(rows.implode()) for layer in self.layers)
        return rows.len() - sum(int(each.sum()) for each in kept)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one lane writes in one transaction: its part of a prepared batch.

    Attributes:
        batch: The prepared batch's number in the run, from 0.
        lane: The lane's number, from 0.
        rows: The rows.
        first_row: The run's 0-based number of the batch's first row.
        through_row: The number after that of its last row.
        read: Rows read of the batch; counted on lane 0, and 0 on the others.
        rejected: Rows rejected before the lanes; counted on lane 0, and 0 on the
            others.
    """

    batch: int
    lane: int
    rows: Deduped
    first_row: int
    through_row: int
    read: int = 0
    rejected: int = 0
