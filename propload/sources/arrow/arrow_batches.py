"""Cuts Arrow rows of any types into batches that can be prepared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propload.sources.arrow.arrow_types import normalize_types
from propload.sources.arrow.parts import without_rows
from propload.sources.arrow.undecodable import reject_undecodable
from propload.sources.source import check_names, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from propload.batch import Batch, Unread
    from propload.options import SourceOptions
    from propload.sources.arrow.parts import Part


class ArrowBatchBuilder:
    """Makes batches from the rows of one table, file or stream.

    Args:
        source: Its name in messages.
        options: How many rows and bytes go into one batch.
        decoded: Whether its texts are known to be UTF-8.

    Attributes:
        rows_read: Rows yielded so far, good or unread.
    """

    def __init__(
        self, source: str, options: SourceOptions, *, decoded: bool = False
    ) -> None:
        self.rows_read = 0
        self._source = source
        self._options = options
        self._decoded = decoded

    def read(self, schema: pa.Schema, parts: Iterable[Part]) -> Iterator[Batch]:
        """Yield the rows as batches; if there are none, one batch without rows.

        Args:
            schema: The columns.
            parts: Rows of these columns.

        Raises:
            SourceError: Columns share a name, or one has a type that cannot be
                converted.
            pyarrow.ArrowException: The rows are damaged.
        """
        check_names(schema.names, self._source)
        for rows, faults in parts:
            if rows.num_rows or faults:
                yield from self._cut(rows, faults)
                self.rows_read += rows.num_rows + len(faults)
        if not self.rows_read:
            yield from self._cut(without_rows(schema), ())

    def _cut(self, rows: pa.RecordBatch, faults: Sequence[Unread]) -> Iterator[Batch]:
        if not self._decoded:
            rows, faults = reject_undecodable(rows, faults)
        rows, faults = normalize_types(rows, self._source, faults)
        first = self.rows_read + 1
        unread = [replace(fault, row=first + fault.row) for fault in faults]
        yield from cut(rows, self._source, first, self._options, unread=unread)
