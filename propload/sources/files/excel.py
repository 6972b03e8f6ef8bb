"""Sheets of workbooks (.xlsx, .xls, .xlsb, .ods), as text columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from propload.batch import CREATED_AS, Unread
from propload.errors import SourceError
from propload.sources.files.sheet_cells import Cells, Sheet, read_cells
from propload.sources.source import cut, with_notes, with_nulls
from propload.sources.text.dialect import SAMPLE_ROWS
from propload.sources.text.header import find_header
from propload.sources.text.preamble import preamble_lines
from propload.sources.text.records import REPEATED_HEADER
from propload.values.arrow_fields import non_number_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from propload.batch import Batch
    from propload.options import SourceOptions

#: The text of a cell that is a time span.
_SPAN_TEXT = r"^-?[0-9]{2,}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?$"
#: The name, which no sheet uses, of a column with the number of sheet rows above a row.
ABOVE = "propload_above"


def read_workbook(
    file: IO[bytes], name: str, options: SourceOptions
) -> Iterator[Batch]:
    """Yield the rows of one sheet, without blank ones.

    A sheet is read as a whole: its format allows nothing else, and it has at most a
    million rows.

    Args:
        file: The workbook.
        name: Its name in messages.
        options: Which sheet, and how many rows and bytes go into one batch.

    Raises:
        SourceError: The workbook is damaged, has no such sheet or an empty one.
    """
    sheet = Sheet(file, name, options)
    cells = read_cells(sheet)
    frame = _rows_below(cells.frame, options.skip_lines, name, sheet.note)
    head = frame.head(1 + SAMPLE_ROWS).fill_null("").rows()
    first, *sample = [row[1:] for row in head]
    lines_above = preamble_lines([(row[0], row[1:]) for row in head])
    names, is_header, doubt = find_header(
        first, sample, name, options, lines_above=lines_above
    )
    frame, repeated = _split_header(frame.drop(ABOVE), first if is_header else None)
    columns = frame.get_columns()
    fields = [
        _field(name, column, cells) for name, column in zip(names, columns, strict=True)
    ]
    rows = pa.RecordBatch.from_arrays(
        [column.to_arrow() for column in columns], schema=pa.schema(fields)
    )
    rows = with_nulls(rows, options.null_words)
    batches = cut(rows, name, 1, options, untyped=True, unread=repeated)
    yield from with_notes(batches, [*filter(None, (sheet.note, sheet.formulas, doubt))])


def _rows_below(frame: pl.DataFrame, lines: int, name: str, note: str) -> pl.DataFrame:
    """Return the rows below the skipped ones, without blank rows, and column `ABOVE`.

    Args:
        frame: All cells.
        lines: How many rows to skip.
        name: The workbook's name in messages.
        note: Which of several sheets was read, or an empty text.

    Raises:
        SourceError: No rows are left.
    """
    frame = frame.slice(lines).with_row_index(ABOVE)
    frame = frame.filter(pl.any_horizontal(pl.exclude(ABOVE).is_not_null()))
    if frame.is_empty():
        position = f" below row {lines}" if lines else ""
        msg = f"{name} is empty: its sheet has no rows{position}" + (
            note and f". {note}"
        )
        raise SourceError(msg, source=name)
    return frame


def _split_header(
    frame: pl.DataFrame, header: Sequence[str] | None
) -> tuple[pl.DataFrame, list[Unread]]:
    """Return the rows below the header, and as unread rows those that repeat it.

    Args:
        frame: All rows.
        header: The texts of the first row, or None if it is not a header.
    """
    if header is None:
        return frame, []
    frame = frame.slice(1)
    if len(header) < 2:
        # in a single column, a value may well equal the column's name
        return frame, []
    equals = [
        pl.col(name).fill_null("") == text
        for name, text in zip(frame.columns, header, strict=True)
    ]
    is_repeated = frame.select(pl.all_horizontal(equals)).to_series()
    check, message = REPEATED_HEADER
    text = "\t".join(header)
    unread = [Unread(row + 1, text, check, message) for row in is_repeated.arg_true()]
    return (frame.filter(~is_repeated) if unread else frame), unread


def _field(name: str, column: pl.Series, cells: Cells) -> pa.Field:
    """Return a text column's field, created as an interval if all cells are time spans.

    Args:
        name: The column's name, as the header has it.
        column: Its texts, under the name that the reader gave it.
        cells: All cells of the sheet, and what the texts do not tell.
    """
    is_span = column.name in cells.spans and column.str.contains(_SPAN_TEXT).all()
    metadata = {CREATED_AS: b"interval"} if is_span else {}
    if (texts := cells.numbers_but.get(column.name)) is not None:
        metadata |= non_number_metadata(texts)
    return pa.field(name, column.head(0).to_arrow().type, metadata=metadata or None)
