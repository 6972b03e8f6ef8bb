"""The protocol of all sources, and how they cut the rows they read into batches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from propload.batch import Batch, Unread, referenced_bytes
from propload.errors import SourceError
from propload.messages.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.options import SourceOptions

#: Seconds after which the rows of a slow producer are passed on, however few they are.
FLUSH_SECONDS = 1.0
#: Bytes that are kept of a row that is too long to be held in memory.
KEPT_BYTES = 2_000


class Source(Protocol):
    """Rows from somewhere, as an iterable of batches.

    A rereadable source cuts the same batches each time: neither the clock nor the free
    memory decides where one ends. A resumed run skips the rows that are loaded already
    by their numbers. Rows that cannot be read are numbered with the others, so this is
    exact even if another version cuts the batches elsewhere.
    """

    @property
    def name(self) -> str:
        """The name of the source in messages."""

    @property
    def rereadable(self) -> bool:
        """Whether iterating again gives the same rows."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows in source order."""

    def fingerprint(self) -> str | None:
        """Return a text that changes when the content does, or None if unknown."""


def check_names(names: Sequence[str], source: str) -> None:
    """Refuse columns that share a name.

    Raises:
        SourceError: A name occurs more than once.
    """
    if len(set(names)) == len(names):
        return
    repeated = sorted({name for name in names if names.count(name) > 1})
    shown = listed([*map(repr, repeated)], 10)
    msg = f"{source} has several columns named {shown}: rename all but one"
    raise SourceError(msg, source=source)


def with_position(error: SourceError, source: str, rows: int) -> SourceError:
    """Return the error with the source's name and the last row read before it.

    Args:
        error: The error that ended reading.
        source: The source's name.
        rows: How many rows were read before it.
    """
    message = str(error)
    if source not in message:
        message = f"{source}: {message}"
    place = f"after row {rows:,}" if rows else "before its first row"
    positioned = SourceError(f"{message} ({place})", source=source, row=rows)
    positioned.__cause__ = error.__cause__ or error
    return positioned


def with_nulls(rows: pa.RecordBatch, words: Sequence[str]) -> pa.RecordBatch:
    """Return the rows with each value that equals one of the words set to null.

    Args:
        rows: Rows whose columns are all text.
        words: The words; whether the source quotes a value makes no difference.
    """
    if not words:
        return rows
    columns = []
    for column in rows.columns:
        is_word = pc.is_in(column, pa.array(words, column.type))
        columns.append(pc.if_else(is_word, pa.scalar(None, column.type), column))
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def with_notes(batches: Iterator[Batch], notes: list[str]) -> Iterator[Batch]:
    """Yield batches, each with the notes made since the previous one.

    Args:
        batches: The batches.
        notes: Notes on how the rows were read. Reading the batches appends to this
            list; it is cleared after each batch.
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
        rows: The good rows, in source order.
        source: The source's name.
        first_row: The 1-based number of the first row, good or unread.
        options: The limits `chunk_rows` and `chunk_bytes`.
        untyped: Whether columns are text only because the format has no types.
        unread: The unread rows between the good ones, by ascending number.
    """
    step = _step(rows, options)
    numbers = good_row_numbers(unread, first_row, rows.num_rows)
    faults = list(unread)
    for start in range(0, rows.num_rows or 1, step):
        part = numbers[start : start + step]
        is_last = start + step >= rows.num_rows
        unread_here = [f for f in faults if is_last or f.row < part[-1]]
        faults = faults[len(unread_here) :]
        is_gapless = not part or part[-1] - part[0] == len(part) - 1
        yield Batch(
            rows.slice(start, step),
            source,
            part[0] if part else first_row,
            None if is_gapless else tuple(part),
            untyped,
            tuple(unread_here),
        )


def good_row_numbers(
    unread: Sequence[Unread], first_row: int, rows: int
) -> Sequence[int]:
    """Return the numbers of the good rows: all numbers but those of the unread rows.

    Args:
        unread: The unread rows.
        first_row: The number of the first row, good or unread.
        rows: How many good rows there are.
    """
    if not unread:
        return range(first_row, first_row + rows)
    unread_numbers = {fault.row for fault in unread}
    end = first_row + rows + len(unread)
    return [number for number in range(first_row, end) if number not in unread_numbers]


def most_bytes(options: SourceOptions) -> int:
    """Return the maximum size of one batch in Arrow bytes."""
    # in Arrow, with offsets and validity bitmaps, text takes about twice its bytes
    return 2 * options.chunk_bytes


def fitting_rows(width: float, options: SourceOptions) -> int:
    """Return how many rows of `width` bytes each go into one batch."""
    fitting = int(most_bytes(options) / width) if width else options.chunk_rows
    return max(1, min(options.chunk_rows, fitting))


def _step(rows: pa.RecordBatch, options: SourceOptions) -> int:
    if rows.num_rows <= 1:
        # weighing a single pushed row would cost half as much as building its columns
        return 1
    return fitting_rows(referenced_bytes(rows) / rows.num_rows, options)
