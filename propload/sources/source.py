"""What every source is, and how what it read becomes batches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from propload.batch import Batch, Unread, weigh
from propload.errors import SourceError
from propload.messages.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.options import SourceOptions

#: A slow producer's rows go on after this, in seconds, however few they are.
FLUSH_SECONDS = 1.0
#: Of a row that is too long to be held so many bytes are kept.
KEPT_BYTES = 2_000


class Source(Protocol):
    """Rows from somewhere, as an iterable of batches.

    A rereadable source cuts the same batches each time: neither a clock nor what
    memory is free decides where one ends. A run that is resumed passes over the rows
    that are loaded by their numbers: those that cannot be read count where they stand,
    so that it is exact also where another version cuts other batches.
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def rereadable(self) -> bool:
        """Whether iterating again gives the same rows."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows in source order."""

    def fingerprint(self) -> str | None:
        """Return what changes when the content does, or None where unknown."""


def check_names(names: Sequence[str], source: str) -> None:
    """Refuse columns that share a name.

    Raises:
        SourceError: A name stands twice.
    """
    if len(set(names)) == len(names):
        return
    twice = sorted({name for name in names if names.count(name) > 1})
    shown = listed([*map(repr, twice)], 10)
    msg = f"{source} has several columns named {shown}: rename all but one"
    raise SourceError(msg, source=source)


def located(error: SourceError, source: str, rows: int) -> SourceError:
    """Return the error with the place that reading had reached.

    Args:
        error: What stopped the reading.
        source: The source's name.
        rows: Rows read before it.
    """
    message = str(error)
    if source not in message:
        message = f"{source}: {message}"
    place = f"after row {rows:,}" if rows else "before its first row"
    found = SourceError(f"{message} ({place})", source=source, row=rows)
    found.__cause__ = error.__cause__ or error
    return found


def with_nulls(rows: pa.RecordBatch, words: Sequence[str]) -> pa.RecordBatch:
    """Return text columns with these words, quoted or not, as nulls."""
    if not words:
        return rows
    columns = []
    for column in rows.columns:
        is_word = pc.is_in(column, pa.array(words, column.type))
        columns.append(pc.if_else(is_word, pa.scalar(None, column.type), column))
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def noted(batches: Iterator[Batch], notes: list[str]) -> Iterator[Batch]:
    """Yield batches, each with the notes that had come by then on how it was read.

    Args:
        batches: The batches.
        notes: What there is to tell; it grows while they are read, and is emptied.
    """
    for batch in batches:
        yield replace(batch, notes=(*notes, *batch.notes)) if notes else batch
        notes.clear()


def cut(
    rows: pa.RecordBatch,
    source: str,
    first_row: int,
    options: SourceOptions,
    *,
    untyped: bool = False,
    unread: Sequence[Unread] = (),
) -> Iterator[Batch]:
    """Yield rows as batches of at most `chunk_rows` rows and `chunk_bytes` bytes.

    Args:
        rows: Good rows, one after the other.
        source: The source's name.
        first_row: The 1-based number of the first row, be it good or unread.
        options: Where the limits stand.
        untyped: Whether text is text for lack of types only.
        unread: Rows between the good ones, by ascending number.
    """
    step = _step(rows, options)
    numbers = numbers_between(unread, first_row, rows.num_rows)
    faults = list(unread)
    for start in range(0, rows.num_rows or 1, step):
        part = numbers[start : start + step]
        is_last = start + step >= rows.num_rows
        mine = [f for f in faults if is_last or f.row < part[-1]]
        faults = faults[len(mine) :]
        gapless = not part or part[-1] - part[0] == len(part) - 1
        yield Batch(
            rows.slice(start, step),
            source,
            part[0] if part else first_row,
            None if gapless else tuple(part),
            untyped,
            tuple(mine),
        )


def numbers_between(
    unread: Sequence[Unread], first_row: int, rows: int
) -> Sequence[int]:
    """Return the numbers of good rows, which unread ones stand between.

    Args:
        unread: The unread rows.
        first_row: The number of the first row, be it good or unread.
        rows: How many good rows there are.
    """
    if not unread:
        return range(first_row, first_row + rows)
    refused = {fault.row for fault in unread}
    end = first_row + rows + len(unread)
    return [number for number in range(first_row, end) if number not in refused]


def most_bytes(options: SourceOptions) -> int:
    """Return the most Arrow bytes in one batch."""
    # text of so many bytes needs about twice as much as Arrow (offsets, nulls)
    return 2 * options.chunk_bytes


def fitting_rows(width: float, options: SourceOptions) -> int:
    """Return how many rows of so many bytes each go into one batch."""
    fitting = int(most_bytes(options) / width) if width else options.chunk_rows
    return max(1, min(options.chunk_rows, fitting))


def _step(rows: pa.RecordBatch, options: SourceOptions) -> int:
    if rows.num_rows <= 1:
        # to weigh it would cost a pushed row as much as half its columns
        return 1
    return fitting_rows(weigh(rows) / rows.num_rows, options)
