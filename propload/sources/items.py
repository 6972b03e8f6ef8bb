"""Rows from Python: iterables of dicts, dataclasses, and objects of other libraries.

An item may hold several rows: a frame, an Arrow table or record batch, a `Batch`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propload.arguments import require_sound
from propload.batch import Batch
from propload.errors import PropLoadError, SourceError
from propload.sources.arrow.arrow_types import normalize_types
from propload.sources.frames.frame_source import is_frame, open_frame
from propload.sources.row_batches import RowBatchBuilder
from propload.sources.source import check_names, with_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propload.options import SourceOptions
    from propload.values.columns import Columns


class ItemSource:
    """Rows from an iterable of Python objects.

    Args:
        items: Dicts, dataclasses, attrs, pydantic or msgspec objects, Scrapy items;
            frames and batches, whose rows are read in their place.
        options: How many rows and bytes go into one batch.
        name: Its name in messages.

    Attributes:
        columns: The columns as earlier rows had them; None to begin without any.
    """

    def __init__(
        self, items: Iterable[object], options: SourceOptions, *, name: str
    ) -> None:
        self.columns: Columns | None = None
        self.name = name
        self.rereadable = isinstance(items, list | tuple)
        self._items = items
        self._options = replace(options, by_clock=not self.rereadable)
        self._builder: RowBatchBuilder | None = None
        self._ended = False

    def end_after_current(self) -> None:
        """End after the item being taken now; the rows up to it are still yielded.

        Only a source that cannot be read again is told this: never a list.
        """
        self._ended = True

    @property
    def prefetchable(self) -> bool:
        """Whether the items are a list of dicts: reading them runs no user's code."""
        return self.rereadable and set(map(type, self._items)) <= {dict}

    def rows_expected(self) -> int | None:
        """Return how many items there are, or None unless they are a list or tuple."""
        return len(self._items) if isinstance(self._items, list | tuple) else None

    @property
    def rows_taken(self) -> int:
        """The rows taken from the items so far, whether yielded in a batch or not."""
        return self._builder.rows_read if self._builder is not None else 0

    def fingerprint(self) -> str | None:
        """Return None: nothing tells whether objects in memory are those of before."""
        return None

    def __iter__(self) -> Iterator[Batch]:
        builder = self._builder = RowBatchBuilder(
            self.name, self._options, self.columns
        )
        batches = self._batches(builder)
        failure: BaseException | None = None
        has_yielded = False
        while True:
            try:
                batch = next(batches, None)
            except BaseException as error:  # noqa: BLE001 - raised after its rows
                # whatever was raised (a cancelled task, an exit), the rows before it
                # are still loaded
                failure = error
                break
            if batch is None:
                break
            has_yielded = True
            yield batch
        yield from builder.flush()
        if failure is not None:
            raise self._wrap_failure(failure, builder.rows_read)
        if not has_yielded and not builder.rows_read:
            msg = f"{self.name} is empty: it gave no rows"
            raise SourceError(msg, source=self.name)

    def _wrap_failure(self, failure: BaseException, rows: int) -> BaseException:
        """Return an exception of the items as a SourceError.

        Errors of propload, and exceptions that only end a program or task
        (KeyboardInterrupt, CancelledError), are returned unchanged.
        """
        if isinstance(failure, PropLoadError) or not isinstance(failure, Exception):
            return failure
        msg = f"{self.name} failed with {type(failure).__name__}: {failure}"
        msg += _advice(failure)
        wrapped = SourceError(msg)
        wrapped.__cause__ = failure
        return with_position(wrapped, self.name, rows)

    def _batches(self, builder: RowBatchBuilder) -> Iterator[Batch]:
        """Add the items to the maker, and yield its batches when they are due."""
        if not isinstance(self._items, list | tuple):
            yield from self._add_each(self._items, builder)
            return
        # all items are at hand, so adding several at a time delays none of them
        start = 0
        while start < len(self._items):
            chunk = self._items[start : start + builder.room]
            start += len(chunk)
            if not builder.extend(chunk):
                yield from self._add_each(chunk, builder)
            elif builder.is_full:
                yield from builder.flush()

    def _add_each(
        self, items: Iterable[object], builder: RowBatchBuilder
    ) -> Iterator[Batch]:
        for item in items:
            if type(item) is not dict and (isinstance(item, Batch) or is_frame(item)):
                # keep the order: the rows before this item come first
                yield from builder.flush()
                for batch in self._nested_batches(item, builder):
                    yield builder.pass_on(batch)
            elif builder.add(item):
                yield from builder.flush()
            if self._ended:
                return

    def _nested_batches(
        self, item: object, builder: RowBatchBuilder
    ) -> Iterator[Batch]:
        """Yield the batches of an item that is a frame or a batch itself."""
        if isinstance(item, Batch):
            require_sound(item)
            # its maker has numbered its rows already
            check_names(item.rows.schema.names, item.source)
            yield _normalize_batch(item)
            return
        for batch in open_frame(item, self._options) or ():
            yield builder.renumber(batch)


def _normalize_batch(item: Batch) -> Batch:
    """Return the batch with types that can be prepared; other rows become unread."""
    rows, faults = normalize_types(item.rows, item.source)
    if not faults:
        return replace(item, rows=rows)
    numbers = item.numbers
    unread = [replace(fault, row=numbers[fault.row]) for fault in faults]
    bad_rows = {fault.row for fault in unread}
    remaining = tuple(number for number in numbers if number not in bad_rows)
    return replace(
        item,
        rows=rows,
        first_row=remaining[0] if remaining else item.first_row,
        row_numbers=remaining or None,
        unread=tuple(sorted([*item.unread, *unread], key=lambda fault: fault.row)),
    )


def _advice(failure: Exception) -> str:
    """Return what to do about an error whose message does not say so, or nothing."""
    # recognized by its message: sqlite3 has no code for it
    if type(failure).__module__ != "sqlite3" or "same thread" not in str(failure):
        return ""
    return (
        " A source is read in a thread of its own: connect with "
        "sqlite3.connect(..., check_same_thread=False), or give cursor.fetchall()"
    )
