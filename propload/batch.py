"""The batch, the unit of everything, and the rows that were refused from one.

Frames carry the column `ROW`: the position of a row in the raw rows of its batch.
It is how a rejected row finds its way back to what was read.
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
#: Columns that say where a rejected row stood, its source and its number there, and
#: when it was true, ISO 8601, or null where nobody says.
SOURCE = "propload_source"
NUMBER = "propload_number"
AS_OF = "propload_as_of"
#: The position of a row in its frame: keeps the frame's order, names bad rows.
ORDINAL = "propload_ordinal"
#: How many later rows of a batch have a row's key.
DEPTH = "propload_depth"
#: Columns that frames are given on their way, so that no source may bring them.
OWN_NAMES = frozenset({ROW, SOURCE, NUMBER, AS_OF, ORDINAL, DEPTH})
#: Where a row stood, and its position, as frames have them.
ORIGINS = pl.Schema(
    {ROW: pl.UInt32, SOURCE: pl.String, NUMBER: pl.Int64, AS_OF: pl.String}
)

Stage = Literal["read", "map", "check", "database"]

#: One line a reason; a row with three reasons has three lines.
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


#: In the metadata of a column: the PostgreSQL type that a new column gets for it, where
#: its own type does not tell: text for want of a type, decimals of any scale.
CREATED_AS = b"propload:created_as"


#: In the metadata of a column of text: some of its texts are numbers in the source, all
#: that look so (`WRITTEN_NUMBER`) but those of this list of JSON.
NUMBERS_BUT = b"propload:numbers_but"
#: A number with decimals, as sources write one to a text.
WRITTEN_NUMBER = r"^-?[0-9]+\.[0-9]+$"


#: Made once: a frame with a schema takes longer to make than most rows to read.
_NO_REASONS = pl.DataFrame(schema=REASONS)


def no_reasons() -> pl.DataFrame:
    """Return an empty frame of the columns `REASONS`."""
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
    """Return one reason for each row, columns `REASONS`.

    Args:
        rows: The rejected rows, with `ROW`.
        stage: The stage that rejected them.
        column: The column at fault, or None for the whole row.
        check: The short name of what failed.
        value: The rejected value as text, or None to leave it out.
        message: What is wrong, as a text of the rows' columns.
    """
    nothing = pl.lit(None, pl.String)
    # Polars 2.1 panics where `format` meets a column that begins with an empty part,
    # as a filter leaves one
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
    """Return one frame of the columns `REASONS` from several, in order."""
    full = [frame for frame in frames if frame.height]
    return pl.concat(full) if full else no_reasons()


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that a source could not make into values.

    Attributes:
        row: Its 1-based number in the source.
        text: The row as it stood there; of one too long to be held, how it begins.
        check: A short name of what failed: `ragged`, `json`, `encoding`, ...
        message: What is wrong with it.
    """

    row: int
    text: str
    check: str
    message: str


#: A row that refers to less as a whole is weighed so: to find its part of that takes
#: longer than to encode it.
SMALL_BYTES = 4_096


def weigh(rows: pa.RecordBatch) -> int:
    """Return the bytes that rows refer to in memory, of buffers only their part."""
    if rows.num_rows == 1 and (whole := rows.get_total_buffer_size()) <= SMALL_BYTES:
        return int(whole)
    size, views = int(rows.nbytes), _views(rows.schema)
    for place in views:
        column = rows.column(place)
        # Arrow counts the buffers of views as a whole, whose other rows may be many
        size += pl.Series(column).estimated_size() - column.nbytes
    return size


@lru_cache
def _views(schema: pa.Schema) -> tuple[int, ...]:
    """Return the places of columns that hold views of texts."""
    return tuple(n for n, kind in enumerate(schema.types) if "_view" in str(kind))


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows on their way from a source.

    Attributes:
        rows: The rows; column types are the source's own.
        source: The source's name: a path, a URL, `frame`, a spider's name.
        first_row: The 1-based number of the first row in that source.
        row_numbers: Row numbers where they are not consecutive, else None.
        untyped: Whether text columns are text only because the format has no
            types (CSV), so that a type may be inferred from the values.
        unread: Rows between these that could not be read, by ascending number.
        as_of: When the rows were true, as far as the source knows (a file's
            modification time), else None.
        notes: What a reader of the report should know of how they were read.
        left: The unread rows as they were before a fix failed on them, else None.
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
        """The bytes that the rows refer to in memory."""
        return weigh(self.rows) + (0 if self.left is None else weigh(self.left))

    @property
    def created_as(self) -> dict[str, str]:
        """The PostgreSQL types that new columns get where their own do not tell."""
        return {
            column.name: column.metadata[CREATED_AS].decode()
            for column in self.rows.schema
            if CREATED_AS in (column.metadata or {})
        }

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of its rows in the source, unread ones aside."""
        first = self.first_row
        return self.row_numbers or range(first, first + int(self.rows.num_rows))

    @property
    def height(self) -> int:
        """The rows of the source that it holds, unread ones included."""
        return int(self.rows.num_rows) + len(self.unread)

    def numbered_from(self, number: int) -> Batch:
        """Return the batch with its first row, be it good or unread, of this number."""
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
        """Return the rows from start to stop (exclusive), without a copy.

        Args:
            start: How many rows stand before the first of them, unread ones counted.
            stop: How many stand before their end.
        """
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
        """Return how many of the first rows in source order are unread ones."""
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
        through_row: The number after its last row.
        accounted: The rows that each lane accounted for which committed its piece.
        together: Whether all of its rows took the first lane.
    """

    number: int
    first_row: int
    through_row: int
    accounted: Mapping[int, int]
    together: bool


class Sifted(NamedTuple):
    """What a step of prepare returns: rows that passed, reasons of the others.

    Attributes:
        frame: The rows that passed, with the column `ROW`.
        reasons: One line a reason, as `reason_lines` makes them.
    """

    frame: pl.DataFrame
    reasons: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Deduped:
    """Rows after dedupe: those of a batch, or of it what one lane writes.

    Attributes:
        layers: Frames with the target's columns and `ROW` in key order, written one
            after the other; a key stands at most once in each. A second layer holds
            rows that equal another in key and `newest` but not in content.
        versions: All rows of the keys that came several times, as they were before,
            or None where none did. Where the server refuses one of what is left of a
            key, all its rows have their turn.
    """

    layers: tuple[pl.DataFrame, ...]
    versions: pl.DataFrame | None = None

    @property
    def nbytes(self) -> int:
        """The bytes of all rows in memory."""
        versions = () if self.versions is None else (self.versions,)
        return sum(int(each.estimated_size()) for each in (*self.layers, *versions))

    @property
    def height(self) -> int:
        """The rows that are to be written."""
        return sum(layer.height for layer in self.layers)

    @property
    def duplicates(self) -> int:
        """The rows that were dropped."""
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
        through_row: The number after its last row.
        read: Rows of the batch, counted on lane 0 only, else 0.
        rejected: Rows refused before the lanes, counted on lane 0 only, else 0.
    """

    batch: int
    lane: int
    rows: Deduped
    first_row: int
    through_row: int
    read: int = 0
    rejected: int = 0
