"""Batches built from rows that are added one at a time or several at a time."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from propload.batch import Batch, Unread
from propload.errors import SourceError
from propload.messages.wording import with_article
from propload.sources.source import FLUSH_SECONDS, check_names, cut, good_row_numbers
from propload.values.columns import Columns, make_array
from propload.values.plain_columns import CONVERSION_ERRORS
from propload.values.python_text import independent_copy
from propload.values.python_values import IMMUTABLE_TYPES, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from propload.options import SourceOptions

#: The first `FEW` rows of a batch are all weighed, then every `FEW`-th row up to row
#: `MANY`, then every `MANY`-th: weighing all takes as long as building the columns.
FEW, MANY = 8, 64
#: Bytes counted for a row, and for each of its values, besides the text in it.
VALUE_BYTES = 16
#: Types whose length is added to a row's weight.
_WEIGHED = (str, bytes)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a batch that have been made columns.

    Attributes:
        columns: The rows.
        through_row: The number of the last row so far, good or not.
        rows: The rows as they were added, if they were not columns then.
    """

    columns: pa.RecordBatch
    through_row: int
    rows: Sequence[dict[str, Any]] | None = None

    @property
    def all_rows(self) -> Sequence[dict[str, Any]]:
        """The rows as dicts."""
        return self.columns.to_pylist() if self.rows is None else self.rows


class RowBatchBuilder:
    """Collects rows and builds batches from them.

    Attributes:
        rows_read: Rows added so far, including those that cannot be read.
        rows_refused: How many of them cannot be read.
        complaint: What is wrong with the first row that cannot be read.
    """

    def __init__(
        self, source: str, options: SourceOptions, columns: Columns | None = None
    ) -> None:
        self.rows_read = 0
        self.rows_refused = 0
        self.complaint = ""
        self._source = source
        self._options = options
        self._columns = columns or Columns()
        self._first_row = 1
        self._rows: list[dict[str, Any]] = []
        #: Earlier rows of the same batch, as columns, and how many there are.
        self._parts: list[_Part] = []
        self._part_rows = 0
        self._faults: list[Unread] = []
        self._weight = 0
        self._started_at = 0.0

    def __len__(self) -> int:
        # rows that cannot be read count too: a batch may hold nothing else
        return self._part_rows + len(self._rows) + len(self._faults)

    def add(self, item: object) -> bool:
        """Add one item and return whether a batch is due.

        A copy is kept, so the caller may change the item afterwards, including lists
        and dicts in it, and add it again.
        """
        try:
            row = dict(item) if isinstance(item, dict) else row_of(item)
        except Exception as error:  # noqa: BLE001 - a user's item may raise anything
            return self.add_unread(
                describe(item), "item", unreadable_message(item, error)
            )
        if not row:
            return self.add_unread(describe(item), "item", _not_a_row_message(item))
        if not IMMUTABLE_TYPES.issuperset(map(type, row.values())):
            row = {
                name: value if type(value) in IMMUTABLE_TYPES else _snapshot(value)
                for name, value in row.items()
            }
        return self.add_row(row)

    def add_row(self, row: dict[str, Any], /) -> bool:
        """Add a row that nobody else refers to, and return whether a batch is due."""
        self._count(1)
        self._rows.append(row)
        count = len(self._rows)
        step = FEW if count > FEW else 1
        step = MANY if count > MANY else step
        if count % step == 0:
            self._weight += step * _weigh(row)
        return self._is_ready

    def _count(self, rows: int) -> None:
        if not len(self):
            self._started_at = time.monotonic()
        self.rows_read += rows

    @property
    def room(self) -> int:
        """The most items that one call of `extend` may add."""
        return min(MANY, self._options.chunk_rows - len(self))

    @property
    def is_full(self) -> bool:
        """Whether one batch can hold no further rows, by their number or weight."""
        return (
            len(self) >= self._options.chunk_rows
            or self._weight >= self._options.chunk_bytes
        )

    def extend(self, items: Sequence[object]) -> bool:
        """Add all items and return True, or add none and return False.

        None are added if an item is not a dict or is empty, or if the items may be too
        heavy for the batch: such items are to be added one by one.

        Args:
            items: At most `room` items.
        """
        rows = [item for item in items if type(item) is dict and item]
        if len(rows) < len(items):
            return False
        weight = len(rows) * _weigh(rows[0])
        if self._weight + weight >= self._options.chunk_bytes:
            return False
        self._count(len(rows))
        self._rows += rows
        self._weight += weight
        return True

    def renumber(self, batch: Batch) -> Batch:
        """Return the batch under this source's name, numbered after all rows so far."""
        if batch.height:
            batch = batch.numbered_from(self.rows_read + 1)
        return replace(batch, source=self._source)

    def pass_on(self, batch: Batch) -> Batch:
        """Count the rows of a batch that is yielded unchanged, and return it.

        The rows added before it must have been flushed.
        """
        self.rows_read += batch.height
        self._first_row = self.rows_read + 1
        return batch

    def add_columns(self, rows: pa.RecordBatch, /) -> Iterator[Batch]:
        """Add rows that are columns already, and yield the batches that are due.

        Args:
            rows: Their columns are those that `settle` has just returned.
        """
        if len(self) + rows.num_rows > self._options.chunk_rows:
            yield from self.flush()
        self._count(rows.num_rows)
        self._add_part(rows)
        self._weight += rows.nbytes
        if self._is_ready:
            yield from self.flush()

    def settle(self) -> Mapping[str, pa.DataType | None]:
        """Return the columns of all rows so far; None for one that held only nulls.

        Rows added before are made columns, but stay in their batch.
        """
        if self._rows:
            rows, self._rows = self._rows, []
            parts = self._parts
            first = parts[-1].through_row + 1 if parts else self._first_row
            faults = [fault for fault in self._faults if fault.row >= first]
            columns, good, unfit = self._build(rows, faults, first)
            self._faults += unfit
            self._add_part(columns, good)
        return self._columns.types

    def _add_part(
        self, columns: pa.RecordBatch, rows: Sequence[dict[str, Any]] | None = None
    ) -> None:
        self._parts.append(_Part(columns, self.rows_read, rows))
        self._part_rows += columns.num_rows

    def add_unread(self, text: str, check: str, message: str) -> bool:
        """Add a row that cannot be read, and return whether a batch is due."""
        self._count(1)
        self.rows_refused += 1
        self.complaint = self.complaint or message
        self._faults.append(Unread(self.rows_read, text, check, message))
        self._weight += len(text)
        return self._is_ready

    def flush(self) -> Iterator[Batch]:
        """Yield the rows added since the last flush, as batches."""
        if not len(self):
            return
        self.settle()
        parts, faults, first = self._parts, self._faults, self._first_row
        self._parts, self._part_rows, self._faults = [], 0, []
        self._first_row = self.rows_read + 1
        self._weight = 0
        built = self._join(parts)
        check_names(built.schema.names, self._source)
        faults.sort(key=lambda fault: fault.row)
        yield from cut(built, self._source, first, self._options, unread=faults)

    @property
    def _is_ready(self) -> bool:
        return self.is_full or (
            self._options.by_clock
            and time.monotonic() - self._started_at >= FLUSH_SECONDS
        )

    def _build(
        self, rows: list[dict[str, Any]], faults: Sequence[Unread], first: int
    ) -> tuple[pa.RecordBatch, list[dict[str, Any]], list[Unread]]:
        """Return the columns of rows, these rows, and those that fit no column."""
        try:
            return self._columns.build(rows), rows, []
        except CONVERSION_ERRORS as error:
            numbers = good_row_numbers(faults, first, len(rows))
            good, unfit = _split_unfit(rows, numbers)
            if not unfit:
                msg = f"{self._source} has rows that do not form a table: {error}"
                raise SourceError(msg, source=self._source, row=first) from error
            return self._columns.build(good), good, unfit

    def _join(self, parts: Sequence[_Part]) -> pa.RecordBatch:
        """Return the parts of a batch as one."""
        if not parts:
            return self._columns.build([])
        batches = [part.columns for part in parts]
        schema = batches[0].schema
        if all(one.schema.equals(schema, check_metadata=True) for one in batches[1:]):
            return pa.concat_batches(batches) if batches[1:] else batches[0]
        # a column has got another type, which all of the batch's rows are to have
        return self._columns.build([row for part in parts for row in part.all_rows])


def _split_unfit(
    rows: list[dict[str, Any]], numbers: Sequence[int]
) -> tuple[list[dict[str, Any]], list[Unread]]:
    good, unfit = [], []
    for row, number in zip(rows, numbers, strict=True):
        if message := fault_of(row):
            unfit.append(Unread(number, describe(row), "value", message))
        else:
            good.append(row)
    return good, unfit


def fault_of(row: dict[str, Any], /) -> str:
    """Return why no columns can be built from a row, or an empty text."""
    where = ""
    try:
        _check_names(row)
        for name, value in row.items():
            where = f"column {name}: "
            make_array([value])
    except CONVERSION_ERRORS as error:
        return f"{where}a value cannot be stored: {error}"
    return ""


def _snapshot(value: object) -> object:
    try:
        return independent_copy(value)
    except CONVERSION_ERRORS:
        # not a value: its row is refused when the columns are built
        return value


def _check_names(names: Iterable[object]) -> None:
    for name in names:
        if not isinstance(name, str):
            msg = f"the name {name!r} is not a text"
            raise TypeError(msg)
        name.encode()


def _weigh(row: dict[str, Any]) -> int:
    texts = sum(len(v) for v in row.values() if isinstance(v, _WEIGHED))
    return texts + VALUE_BYTES * (len(row) + 1)


def describe(item: object) -> str:
    """Return the repr of an item that is not a row; a substitute if that raises."""
    try:
        text = repr(item)
    except Exception:  # noqa: BLE001 - a user's value may raise anything
        return f"<{type(item).__name__} that cannot be shown>"
    return text.encode("utf-8", "backslashreplace").decode()


def unreadable_message(item: object, error: Exception) -> str:
    """Return the message on an item whose fields cannot be read."""
    kind = type(item).__name__
    return f"the {kind} cannot be turned into a row: {type(error).__name__}: {error}"


def _not_a_row_message(item: object) -> str:
    if row_of(item) is not None:
        return "the item has no fields"
    kind = with_article(type(item).__name__)
    return f"{kind} is not a row: {_alternative(item)}"


def _alternative(item: object) -> str:
    """Return what to pass instead of an item that is not a row."""
    if isinstance(item, os.PathLike):
        return "files are read from a list of their paths, list(...)"
    if isinstance(item, (tuple, list)):
        return (
            "its values have no names. Give dicts (csv.DictReader), or rows that have "
            "names (sqlite3.Row)"
        )
    return "give dicts, dataclasses, attrs, pydantic or msgspec objects"
