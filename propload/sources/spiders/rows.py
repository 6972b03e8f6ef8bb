"""Items of a spider as batches, whatever their type, without losing one."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from itemadapter import ItemAdapter

from propload.options import SourceOptions
from propload.sources.row_batches import RowBatches, describe, unreadable
from propload.values.python_text import settled
from propload.values.python_values import SETTLED, row_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.batch import Batch

#: Rows of one hand-over: a page or a few, so that a crawl's rows are seen soon.
FLUSH_ROWS = 100
#: Pages of text rather than rows: this many bytes are handed over at once.
FLUSH_BYTES = 4 << 20
#: A row of a slow crawl is handed over after this, in seconds.
SINK_FLUSH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FlushOptions:
    """When rows that were collected go on.

    Attributes:
        rows: So many rows.
        bytes: So many bytes of text.
        seconds: This long after the first of them; 0 is in the loop's next turn, until
            when each item waits.
    """

    rows: int = FLUSH_ROWS
    bytes: int = FLUSH_BYTES
    seconds: float = SINK_FLUSH_SECONDS


class ItemRows(RowBatches):
    """Collects items of a crawl and makes batches of them.

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
        """Take an item and return whether a batch is due.

        One that is no row is kept as a row that cannot be read.
        """
        kind: type = type(item)
        try:
            row = _checked(_reader_of(kind)(item))
        except Exception as error:  # noqa: BLE001 - a user's item may raise anything
            return self.skip(describe(item), "item", unreadable(item, error))
        return self.add_row(row)

    def take(self) -> list[Batch]:
        """Return what was collected since the last time."""
        return list(self.flush())


@lru_cache
def _reader_of(kind: type) -> Callable[[Any], dict[str, Any]]:
    """Return what makes a row of an item of this class.

    A row is a copy: other pipelines may go on changing the item.
    """
    if not is_dataclass(kind):
        return _read_any
    names = tuple(one.name for one in fields(kind))
    if len(names) < 2:
        return _read_any
    values = attrgetter(*names)

    def read(item: object) -> dict[str, Any]:
        try:
            return dict(zip(names, values(item), strict=True))
        except AttributeError:
            return _read_any(item)

    return read


def _read_any(item: object) -> dict[str, Any]:
    try:
        found = row_of(item)
    except AttributeError:
        # a field that is not set yet, which an adapter leaves out
        found = None
    if found is None and ItemAdapter.is_item(item):
        found = dict(ItemAdapter(item))
    row = {}
    for name, value in (found or {}).items():
        if type(name) is not str:
            msg = f"the field name {name!r} is not a text"
            raise TypeError(msg)
        row[name] = value
    return row


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    if not row:
        msg = "it has no fields"
        raise ValueError(msg)
    if not SETTLED.issuperset(map(type, row.values())):
        row = {name: _settle(name, value) for name, value in row.items()}
    return row


def _settle(name: str, value: object) -> object:
    """Return a value that no longer changes when the item does."""
    try:
        return settled(value)
    except TypeError as error:
        msg = f"column {name}: {error}"
        raise TypeError(msg) from error
