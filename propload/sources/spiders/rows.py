"""Builds batches from a spider's items of any type, without losing one."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from itemadapter import ItemAdapter

from propload.options import SourceOptions
from propload.sources.row_batches import RowBatchBuilder, describe, unreadable_message
from propload.values.python_text import independent_copy
from propload.values.python_values import IMMUTABLE_TYPES, row_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.batch import Batch

#: Rows that are handed over at once: those of a few pages, so that they are seen soon.
FLUSH_ROWS = 100
#: Bytes of text that are handed over at once, for items that are whole pages of text.
FLUSH_BYTES = 4 << 20
#: Seconds after which a row of a slow crawl is handed over.
SINK_FLUSH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FlushOptions:
    """When collected rows are handed over: at the first of these limits.

    Attributes:
        rows: The number of rows.
        bytes: Their bytes of text.
        seconds: The time since the first of them; with 0 they are handed over in the
            loop's next iteration, and each item waits for that.
    """

    rows: int = FLUSH_ROWS
    bytes: int = FLUSH_BYTES
    seconds: float = SINK_FLUSH_SECONDS


class ItemRows(RowBatchBuilder):
    """Collects items of a crawl and builds batches from them.

    Args:
        source: The spider's name.
        options: When a batch is due.
    """

    def __init__(self, source: str, options: FlushOptions) -> None:
        limits = SourceOptions(
            chunk_rows=options.rows, chunk_bytes=options.bytes, by_clock=False
        )
        super().__init__(source, limits)

    def add(self, item: object) -> bool:
        """Add an item and return whether a batch is due.

        An item that is not a row is added as an unread row.
        """
        kind: type = type(item)
        try:
            row = _require_fields(_reader_of(kind)(item))
        except Exception as error:  # noqa: BLE001 - a user's item may raise anything
            return self.add_unread(
                describe(item), "item", unreadable_message(item, error)
            )
        return self.add_row(row)

    def take(self) -> list[Batch]:
        """Return the rows collected since the last call, as batches."""
        return list(self.flush())


@lru_cache
def _reader_of(kind: type) -> Callable[[Any], dict[str, Any]]:
    """Return the function that turns an item of this class into a row.

    The row is a copy: other pipelines may still change the item.
    """
    if not is_dataclass(kind):
        return _read_item
    names = tuple(one.name for one in fields(kind))
    if len(names) < 2:
        return _read_item
    values = attrgetter(*names)

    def read(item: object) -> dict[str, Any]:
        try:
            return dict(zip(names, values(item), strict=True))
        except AttributeError:
            return _read_item(item)

    return read


def _read_item(item: object) -> dict[str, Any]:
    try:
        raw_row = row_of(item)
    except AttributeError:
        # a field is not set yet: the adapter leaves it out
        raw_row = None
    if raw_row is None and ItemAdapter.is_item(item):
        raw_row = dict(ItemAdapter(item))
    row = {}
    for name, value in (raw_row or {}).items():
        if type(name) is not str:
            msg = f"the field name {name!r} is not a text"
            raise TypeError(msg)
        row[name] = value
    return row


def _require_fields(row: dict[str, Any]) -> dict[str, Any]:
    if not row:
        msg = "it has no fields"
        raise ValueError(msg)
    if not IMMUTABLE_TYPES.issuperset(map(type, row.values())):
        row = {name: _snapshot(name, value) for name, value in row.items()}
    return row


def _snapshot(name: str, value: object) -> object:
    """Return a value that does not change when the item does."""
    try:
        return independent_copy(value)
    except TypeError as error:
        msg = f"column {name}: {error}"
        raise TypeError(msg) from error
