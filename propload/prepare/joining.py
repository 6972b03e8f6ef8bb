"""Joins small batches before they are prepared: a check costs per call, not per row."""

from __future__ import annotations

import json
import math
import time
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Protocol

import polars as pl
import pyarrow as pa

from propload.batch import (
    NON_NUMBERS,
    ORIGINS,
    REASONS,
    ROW,
    WRITTEN_NUMBER,
    Unread,
)
from propload.options import BATCH_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from propload.batch import Batch, PartialBatch, Stage


#: More parts than this are copied into one: every expression visits every part, so many
#: small parts cost more than a copy.
MOST_PARTS = 8


class Incoming(Protocol):
    """Where batches come from, such as a subscription to a queue."""

    def get(self, *, timeout: float | None = None) -> Batch | None:
        """Return the next batch, or None at the end.

        Raises:
            TimeoutError: None came in time.
        """


@dataclass(frozen=True, slots=True)
class Joined:
    """Rows that are prepared together.

    Attributes:
        number: The number of this joined batch in the run, from 0.
        parts: Batches of the source, or parts of them, in order, all of one schema.
        first_row: The run's 0-based number of the first row, read or unread.
    """

    number: int
    parts: tuple[Batch, ...]
    first_row: int

    @property
    def height(self) -> int:
        """How many rows there are, unread ones not included."""
        return sum(part.rows.num_rows for part in self.parts)

    @property
    def first(self) -> Joined:
        """Only the first part that has rows, else the first; to infer types from."""
        full = (part for part in self.parts if part.rows.num_rows)
        return replace(self, parts=(next(full, self.parts[0]),))

    @property
    def unread(self) -> int:
        """How many rows the source could not read."""
        return sum(len(part.unread) for part in self.parts)

    @property
    def through_row(self) -> int:
        """The run's number after that of the last row."""
        return self.first_row + self.height + self.unread

    @property
    def as_of(self) -> datetime | None:
        """The first part's `as_of`, which is that of all if they are kept apart."""
        return self.parts[0].as_of

    @property
    def untyped(self) -> bool:
        """Whether text columns are text only because the source has no types."""
        return all(part.untyped for part in self.parts)

    def raw(self) -> pl.DataFrame:
        """Return the rows as read, with `ROW`; copied only if there are many parts."""
        # an expression may fail on a column whose first chunk is empty
        full = [part.rows for part in self.parts if part.rows.num_rows]
        table = pa.Table.from_batches(full or [self.parts[0].rows])
        if len(self.parts) > MOST_PARTS:
            table = table.combine_chunks()
        frame = pl.from_arrow(table, rechunk=False)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table becomes a DataFrame
        return frame.with_row_index(ROW)

    def numbers(self) -> dict[str, pl.Series]:
        """Return, by text column, which of its texts are numbers in the source."""
        by_column: dict[str, pl.Series] = {}
        for part in self.parts:
            for column in part.rows.schema:
                if (non_numbers := (column.metadata or {}).get(NON_NUMBERS)) is None:
                    continue
                texts = pl.Series(part.rows.column(column.name), dtype=pl.String)
                candidates = texts.filter(texts.str.contains(WRITTEN_NUMBER))
                numbers = candidates.filter(~candidates.is_in(json.loads(non_numbers)))
                earlier = by_column.get(column.name)
                both = numbers if earlier is None else earlier.append(numbers)
                by_column[column.name] = both.unique()
        return by_column

    def origins(self, rows: pl.Series) -> pl.DataFrame:
        """Return where some of the raw rows came from, with the columns `ORIGINS`.

        Args:
            rows: Positions in the raw rows, as unsigned integers.
        """
        starts = list(accumulate((p.rows.num_rows for p in self.parts), initial=0))
        origins = [(row, *self._origin(row, starts)) for row in rows]
        return pl.DataFrame(origins, schema=ORIGINS, orient="row")

    def _origin(self, row: int, starts: list[int]) -> tuple[str, int, str | None]:
        place = bisect_right(starts, row) - 1
        part = self.parts[place]
        number = part.numbers[row - starts[place]]
        moment = part.as_of.isoformat() if part.as_of else None
        return part.source, number, moment

    def refused_by_source(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield unread rows with their reasons, adjacent rows of one schema together.

        They have the columns `ORIGINS` and, if a fix failed on them, their values.
        """
        first = 0
        unread = (part for part in self.parts if part.unread)
        for schema, group in groupby(unread, _unread_schema):
            parts = list(group)
            raw = _origins_of_unread(parts, first)
            if schema is not None:
                left = pa.Table.from_batches([part.left for part in parts])
                raw = raw.hstack(pl.DataFrame(pl.from_arrow(left)))
            faults = (fault for part in parts for fault in part.unread)
            stage: Stage = "read" if schema is None else "map"
            lines = [
                _reason(row, fault, stage) for row, fault in enumerate(faults, first)
            ]
            yield raw, pl.DataFrame(lines, schema=REASONS, orient="row")
            first += len(lines)


def _unread_schema(part: Batch) -> pa.Schema | None:
    return None if part.left is None else part.left.schema


def _origins_of_unread(parts: list[Batch], first: int) -> pl.DataFrame:
    """Return where unread rows came from; `ROW` counts up from `first`."""
    rows = [
        # without the values of a row, it does not matter when they were true
        (part.source, fault.row, None if part.left is None else part.as_of)
        for part in parts
        for fault in part.unread
    ]
    places = [
        (row, source, number, moment and moment.isoformat())
        for row, (source, number, moment) in enumerate(rows, first)
    ]
    return pl.DataFrame(places, schema=ORIGINS, orient="row")


def _reason(row: int, unread: Unread, stage: Stage) -> tuple[object, ...]:
    # a row on which a fix failed is kept with its values instead of a text
    value = unread.text if stage == "read" else None
    return (row, stage, None, unread.check, value, unread.message, None)


@dataclass(slots=True)
class _Room:
    """The room that is left in a joined batch.

    Attributes:
        rows: How many more rows it can take, including unread ones.
        nbytes: How many bytes it can have in all.
        used: How many bytes are taken.
        by_bytes: Whether rows did not fit because of their bytes.
    """

    rows: int
    nbytes: float
    used: float = 0.0
    by_bytes: bool = False

    def take(self, batch: Batch, width: float, *, is_first: bool) -> int:
        """Return how many of a batch's rows fit, and count them as taken.

        Args:
            batch: The next rows.
            width: Bytes per row.
            is_first: Whether there are no rows yet: then one fits, however long it is.
        """
        free = self.nbytes - self.used
        most = min(batch.height, self.rows)
        if width * most > free:
            self.by_bytes = True
            most = max(int(free / width), int(is_first))
        self.rows -= most
        self.used += width * most
        return most


@dataclass(slots=True)
class Joiner:
    """Joins batches of one schema until there are enough rows or bytes, or time is up.

    Attributes:
        incoming: Where batches come from.
        batch_rows: Called before each joined batch; returns how many rows it may have.
        batch_seconds: Longest time a row waits for its batch to fill.
        partial_batches: The batches that a resumed run makes again, in order of their
            rows.
        by_context: Whether rows of different sources or `as_of` are kept apart.
        number: The number of the first joined batch that is not made again.
        first_row: The run's 0-based number of the first row.
        batch_bytes: Called before each joined batch; returns how many bytes it may
            have, which a single row may exceed.
        on_byte_limited: Called with rows and bytes of each batch that was full by its
            bytes.
    """

    incoming: Incoming
    batch_rows: Callable[[], int]
    batch_seconds: float
    partial_batches: Iterable[PartialBatch] = ()
    by_context: bool = False
    number: int = 0
    first_row: int = 0
    batch_bytes: Callable[[], int] = lambda: BATCH_BYTES
    on_byte_limited: Callable[[int, int], None] = lambda _rows, _nbytes: None
    _rest: Batch | None = field(default=None, init=False)
    _width: float = field(default=0.0, init=False)
    _ends: deque[int] = field(default_factory=deque, init=False)
    _repeated_starts: frozenset[int] = field(default=frozenset(), init=False)

    def __iter__(self) -> Iterator[Joined]:
        numbers = {
            (batch.first_row, batch.through_row): batch.number
            for batch in self.partial_batches
        }
        # batches also end where a partial one begins: rows between two belong to
        # neither
        self._ends = deque(end for limits in numbers for end in limits)
        self._repeated_starts = frozenset(first for first, _ in numbers)
        number, first_row = self.number, self.first_row
        while parts := self._next_parts(first_row):
            joined = Joined(number, tuple(parts), first_row)
            earlier_number = numbers.get((first_row, joined.through_row))
            if earlier_number is None:
                number += 1
            else:
                joined = replace(joined, number=earlier_number)
            yield joined
            first_row = joined.through_row

    def _next_parts(self, first_row: int) -> list[Batch]:
        while self._ends and self._ends[0] <= first_row:
            self._ends.popleft()
        room = self._room(first_row)
        deadline: float | None = None
        parts: list[Batch] = []
        while room.rows > 0 and (batch := self._take(deadline)) is not None:
            if parts and not self._alike(parts[0], batch):
                self._rest = batch
                break
            # after a part without rows (only a header), the next row is still the first
            is_first = not any(part.height for part in parts)
            fitting = room.take(batch, self._width, is_first=is_first)
            part, self._rest = _split(batch, fitting)
            if part is not None:
                parts.append(part)
            if room.by_bytes:
                rows = sum(part.height for part in parts)
                self.on_byte_limited(rows, round(room.used))
                break
            if deadline is None and not self._ends:
                deadline = time.monotonic() + self.batch_seconds
        return parts

    def _room(self, first_row: int) -> _Room:
        """Return the room of the batch that begins at a row."""
        if self._ends and first_row in self._repeated_starts:
            return _Room(self._ends[0] - first_row, math.inf)
        room = _Room(max(1, self.batch_rows()), self.batch_bytes())
        if self._ends:
            room.rows = min(room.rows, self._ends[0] - first_row)
        return room

    def _alike(self, one: Batch, other: Batch) -> bool:
        return (
            one.untyped == other.untyped
            and (not self.by_context or _context(one) == _context(other))
            and bool(one.rows.schema.equals(other.rows.schema))
        )

    def _take(self, deadline: float | None) -> Batch | None:
        """Return the next batch, or None if time is up or the source has ended."""
        batch, self._rest = self._rest, None
        if batch is not None:
            return batch
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            batch = self.incoming.get(timeout=wait)
        except TimeoutError:
            return None
        if batch is not None:
            # measured here, because the rest of a split batch may refer to more memory
            self._width = batch.nbytes / max(1, batch.height)
        return batch


def _context(batch: Batch) -> tuple[str, datetime | None]:
    """Return what a mapping can use besides the rows of a batch."""
    return batch.source, batch.as_of


def _split(batch: Batch, rows: int) -> tuple[Batch | None, Batch | None]:
    """Return the first `rows` rows of a batch, and the rest; None for an empty part."""
    if batch.height <= rows:
        return batch, None
    if not rows:
        return None, batch
    return batch.slice(0, rows), batch.slice(rows, batch.height)


def skip_rows(batches: Iterable[Batch], rows: int) -> Iterator[Batch]:
    """Yield batches without the first rows of the sequence, unread rows included.

    If that leaves nothing, the last batch is yielded without rows: a run whose rows
    are all committed may still have to end, for which it needs the columns.

    Args:
        batches: Batches in order.
        rows: How many rows to skip.
    """
    passed: Batch | None = None
    for batch in batches:
        if rows and rows >= batch.height:
            rows -= batch.height
            passed = batch
            continue
        passed = None
        yield batch.slice(rows, batch.height) if rows else batch
        rows = 0
    if passed is not None:
        yield passed.slice(passed.height, passed.height)
