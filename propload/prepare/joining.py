"""Joins small batches before the work starts: a check costs per call, not per row."""

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
    NUMBERS_BUT,
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


#: Every expression visits every part: many small parts cost more than one copy.
MOST_PARTS = 8


class Incoming(Protocol):
    """Where batches come from: a subscription of a queue."""

    def get(self, *, timeout: float | None = None) -> Batch | None:
        """Return the next batch, None at the end; TimeoutError when none came."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Rows that are prepared together.

    Attributes:
        number: The number of this joined batch in the run, from 0.
        parts: The source's batches, in order, all of one schema.
        first_row: The run's 0-based number of the first row or unread row.
    """

    number: int
    parts: tuple[Batch, ...]
    first_row: int

    @property
    def height(self) -> int:
        """The rows, unread ones not counted."""
        return sum(part.rows.num_rows for part in self.parts)

    @property
    def first(self) -> Joined:
        """The first part with rows, else the first: types are guessed from it."""
        full = (part for part in self.parts if part.rows.num_rows)
        return replace(self, parts=(next(full, self.parts[0]),))

    @property
    def unread(self) -> int:
        """The rows that the source could not read."""
        return sum(len(part.unread) for part in self.parts)

    @property
    def through_row(self) -> int:
        """The run's number after the last row."""
        return self.first_row + self.height + self.unread

    @property
    def as_of(self) -> datetime | None:
        """When the rows were true, where the source knows and they are kept apart."""
        return self.parts[0].as_of

    @property
    def untyped(self) -> bool:
        """Whether text columns are text only for want of types."""
        return all(part.untyped for part in self.parts)

    def raw(self) -> pl.DataFrame:
        """Return the rows as read, with `ROW`; a few large parts are not copied."""
        # an expression may fail on a column that begins with an empty part
        full = [part.rows for part in self.parts if part.rows.num_rows]
        table = pa.Table.from_batches(full or [self.parts[0].rows])
        if len(self.parts) > MOST_PARTS:
            table = table.combine_chunks()
        frame = pl.from_arrow(table, rechunk=False)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table gives a frame
        return frame.with_row_index(ROW)

    def numbers(self) -> dict[str, pl.Series]:
        """Return which texts are numbers in the source, by the column of text."""
        found: dict[str, pl.Series] = {}
        for part in self.parts:
            for column in part.rows.schema:
                if (others := (column.metadata or {}).get(NUMBERS_BUT)) is None:
                    continue
                texts = pl.Series(part.rows.column(column.name), dtype=pl.String)
                looking = texts.filter(texts.str.contains(WRITTEN_NUMBER))
                numbers = looking.filter(~looking.is_in(json.loads(others)))
                known = found.get(column.name)
                both = numbers if known is None else known.append(numbers)
                found[column.name] = both.unique()
        return found

    def origins(self, rows: pl.Series) -> pl.DataFrame:
        """Return where some of the raw rows stood, columns `ORIGINS`.

        Args:
            rows: Positions in the raw rows, unsigned integers.
        """
        starts = list(accumulate((p.rows.num_rows for p in self.parts), initial=0))
        found = [(row, *self._origin(row, starts)) for row in rows]
        return pl.DataFrame(found, schema=ORIGINS, orient="row")

    def _origin(self, row: int, starts: list[int]) -> tuple[str, int, str | None]:
        place = bisect_right(starts, row) - 1
        part = self.parts[place]
        number = part.numbers[row - starts[place]]
        moment = part.as_of.isoformat() if part.as_of else None
        return part.source, number, moment

    def refused_by_source(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield unread rows, those of the same columns together, with their reasons.

        Of most of them only where they stood is known, columns `ORIGINS`.
        """
        first = 0
        unread = (part for part in self.parts if part.unread)
        for schema, alike in groupby(unread, _left_schema):
            parts = list(alike)
            raw = _origins_of_unread(parts, first)
            if schema is not None:
                left = pa.Table.from_batches([part.left for part in parts])
                raw = raw.hstack(pl.DataFrame(pl.from_arrow(left)))
            faults = (fault for part in parts for fault in part.unread)
            stage: Stage = "read" if schema is None else "map"
            lines = [_reason(row, one, stage) for row, one in enumerate(faults, first)]
            yield raw, pl.DataFrame(lines, schema=REASONS, orient="row")
            first += len(lines)


def _left_schema(part: Batch) -> pa.Schema | None:
    return None if part.left is None else part.left.schema


def _origins_of_unread(parts: list[Batch], first: int) -> pl.DataFrame:
    """Return where unread rows stood, numbered from a position onwards."""
    found = [
        # when a row was true helps nobody if nothing is left of the row
        (part.source, fault.row, None if part.left is None else part.as_of)
        for part in parts
        for fault in part.unread
    ]
    places = [
        (row, source, number, moment and moment.isoformat())
        for row, (source, number, moment) in enumerate(found, first)
    ]
    return pl.DataFrame(places, schema=ORIGINS, orient="row")


def _reason(row: int, unread: Unread, stage: Stage) -> tuple[object, ...]:
    # of a row that is left more is kept than its text
    value = unread.text if stage == "read" else None
    return (row, stage, None, unread.check, value, unread.message, None)


@dataclass(slots=True)
class _Room:
    """What a joined batch still has room for.

    Attributes:
        rows: This many rows, including unread ones.
        nbytes: This many bytes in all.
        used: The bytes that are taken.
        by_bytes: Whether rows were left out for their bytes alone.
    """

    rows: int
    nbytes: float
    used: float = 0.0
    by_bytes: bool = False

    def take(self, batch: Batch, width: float, *, is_first: bool) -> int:
        """Return how many of a batch's rows there is room for, and take the room.

        Args:
            batch: The next rows.
            width: The bytes of one of them.
            is_first: Whether there are no rows yet: one goes in, however long it is.
        """
        left = self.nbytes - self.used
        most = min(batch.height, self.rows)
        if width * most > left:
            self.by_bytes = True
            most = max(int(left / width), int(is_first))
        self.rows -= most
        self.used += width * most
        return most


@dataclass(slots=True)
class Joiner:
    """Joins batches of one schema until there are enough of them or time is up.

    Enough means so many rows or so many bytes, whichever is reached first.

    Attributes:
        incoming: Where batches come from.
        batch_rows: Asked before each joined batch: most rows in it.
        batch_seconds: Longest time a row waits for its batch to fill.
        begun: The batches that a resumed run makes again, in order of their rows.
        by_context: Whether rows of another source or `as_of` are kept apart.
        number: The number of the first joined batch that is not made again.
        first_row: The run's number of the first row.
        batch_bytes: Asked before each joined batch: most bytes in it, but that one
            row goes in however long it is.
        on_wide: Told the rows and bytes of a batch that its bytes ended.
    """

    incoming: Incoming
    batch_rows: Callable[[], int]
    batch_seconds: float
    begun: Iterable[PartialBatch] = ()
    by_context: bool = False
    number: int = 0
    first_row: int = 0
    batch_bytes: Callable[[], int] = lambda: BATCH_BYTES
    on_wide: Callable[[int, int], None] = lambda _rows, _nbytes: None
    _rest: Batch | None = field(default=None, init=False)
    _width: float = field(default=0.0, init=False)
    _ends: deque[int] = field(default_factory=deque, init=False)
    _again: frozenset[int] = field(default=frozenset(), init=False)

    def __iter__(self) -> Iterator[Joined]:
        known = {(one.first_row, one.through_row): one.number for one in self.begun}
        # rows between two of them belong to neither
        self._ends = deque(end for place in known for end in place)
        self._again = frozenset(first for first, _ in known)
        number, first_row = self.number, self.first_row
        while parts := self._next_parts(first_row):
            joined = Joined(number, tuple(parts), first_row)
            again = known.get((first_row, joined.through_row))
            if again is None:
                number += 1
            else:
                joined = replace(joined, number=again)
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
            # a part without rows (a header) leaves room for the first row as well
            is_first = not any(part.height for part in parts)
            fitting = room.take(batch, self._width, is_first=is_first)
            part, self._rest = _split(batch, fitting)
            if part is not None:
                parts.append(part)
            if room.by_bytes:
                rows = sum(part.height for part in parts)
                self.on_wide(rows, round(room.used))
                break
            if deadline is None and not self._ends:
                deadline = time.monotonic() + self.batch_seconds
        return parts

    def _room(self, first_row: int) -> _Room:
        """Return what the batch that begins at a row may hold."""
        if self._ends and first_row in self._again:
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
        """Return the next batch; None when it is time to go or the source ended."""
        batch, self._rest = self._rest, None
        if batch is not None:
            return batch
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            batch = self.incoming.get(timeout=wait)
        except TimeoutError:
            return None
        if batch is not None:
            # not measured on what is left of it, which may refer to more than itself
            self._width = batch.nbytes / max(1, batch.height)
        return batch


def _context(batch: Batch) -> tuple[str, datetime | None]:
    """Return what a mapping may say of all rows of a batch."""
    return batch.source, batch.as_of


def _split(batch: Batch, rows: int) -> tuple[Batch | None, Batch | None]:
    """Return the first rows of a batch, so many of them, and the rest."""
    if batch.height <= rows:
        return batch, None
    if not rows:
        return None, batch
    return batch.slice(0, rows), batch.slice(rows, batch.height)


def skip_rows(batches: Iterable[Batch], rows: int) -> Iterator[Batch]:
    """Yield batches without the first rows of them all, unread ones counted.

    If that leaves nothing, the last batch is yielded without rows: a run whose rows
    are all committed may still have to end, and needs the columns for that.

    Args:
        batches: Batches in order.
        rows: How many rows to leave out.
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
