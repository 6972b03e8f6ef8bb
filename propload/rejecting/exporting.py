"""Exports rejected rows to be corrected elsewhere: frames with the same columns."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from propload.rejecting.lines import lines_with_length
from propload.rejecting.reading import parts_of, reasons_as_text, row_columns
from propload.rejecting.type_inference import SeenValues

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from propload.rejecting.lines import Line


class ExportedRows:
    """The rejected rows of a file: their columns as read, and their reasons.

    The file is read twice, as the columns and their types are only known once all rows
    were seen. Rows appended to the file meanwhile are not included.

    Args:
        file: The file, which must stay open until the last frame.
        path: Its path.

    Attributes:
        rows: How many there are.

    Raises:
        ConfigError: A line is not a rejected row, as the file was edited.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.rows = 0
        self._columns: dict[str, SeenValues] = {}
        for part in parts_of(lines_with_length(file, path)):
            self._add_values(part)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in several frames, or one empty frame if there are no rows."""
        self._file.seek(0)
        lines = islice(lines_with_length(self._file, self._path), self.rows)
        if not self.rows:
            yield self._frame([])
        for part in parts_of(lines):
            yield self._frame(part)

    def _add_values(self, part: list[Line]) -> None:
        self.rows += len(part)
        for name, values in row_columns(part).items():
            self._columns.setdefault(name, SeenValues()).add(values)

    def _frame(self, part: list[Line]) -> pl.DataFrame:
        columns_of_part, nothing = row_columns(part), [None] * len(part)
        columns = [
            seen.column(name, columns_of_part.get(name, nothing))
            for name, seen in self._columns.items()
        ]
        return pl.DataFrame([*columns, reasons_as_text(part)])
