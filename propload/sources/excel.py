"""Sheets of workbooks (.xlsx, .xls, .xlsb, .ods), as text columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import fastexcel
import polars as pl
import pyarrow as pa

from propload.errors import SourceError
from propload.sources.dialect import SAMPLE_ROWS, name_columns
from propload.sources.source import cut, with_nulls
from propload.values import FORMULA_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from propload.batch import Batch
    from propload.options import SourceOptions


#: The reading options that workbooks heed.
TAKES = frozenset({"sheet", "header", "null_words"})
#: How the reader names an error that a formula gave.
_ERROR = re.compile(r"Error\((\w+)\)")
#: A time without a day comes as one of the day before Excel's first.
_TIME_OF_DAY = r"^1899-12-3[01] ([0-9]{2}:.*)$"


def read_workbook(
    file: IO[bytes], name: str, options: SourceOptions
) -> Iterator[Batch]:
    """Yield the rows of one sheet that are not blank.

    A sheet is read whole: its format allows nothing else, and it ends at a million
    rows.

    Args:
        file: The workbook.
        name: What messages call it.
        options: Which sheet, and how many rows and bytes go into one batch.

    Raises:
        SourceError: The workbook is damaged, has no such sheet or an empty one.
    """
    frame = _with_errors(*_read_sheet(file, name, options))
    frame = frame.with_columns(pl.all().str.replace(_TIME_OF_DAY, "$1"))
    frame = frame.filter(pl.any_horizontal(pl.all().is_not_null()))
    if frame.is_empty():
        msg = f"{name} is empty: its sheet has no rows"
        raise SourceError(msg, source=name)
    first, *sample = frame.head(1 + SAMPLE_ROWS).fill_null("").rows()
    names, has_header = name_columns(first, sample, name, header=options.header)
    frame = frame.slice(1 if has_header else 0)
    rows = pa.RecordBatch.from_arrays(
        [column.to_arrow() for column in frame.get_columns()], list(names)
    )
    yield from cut(with_nulls(rows, options.null_words), name, 1, options, untyped=True)


def _with_errors(
    sheet: pa.RecordBatch, faults: Sequence[fastexcel.CellError]
) -> pl.DataFrame:
    """Return the cells, those with an error as Excel shows it: it is no null."""
    frame = pl.DataFrame(sheet)
    columns: dict[int, dict[int, str]] = {}
    for fault in faults:
        row, column = fault.offset_position
        told = _ERROR.search(fault.detail)
        word = FORMULA_ERRORS.get(told[1], f"#{told[1]}") if told else fault.detail
        columns.setdefault(column, {})[row] = word
    for column, words in columns.items():
        cells = frame.to_series(column).scatter(list(words), list(words.values()))
        frame.replace_column(column, cells)
    return frame


def _read_sheet(
    file: IO[bytes], name: str, options: SourceOptions
) -> tuple[pa.RecordBatch, list[fastexcel.CellError]]:
    try:
        workbook = fastexcel.read_excel(file.read())
        sheet = options.sheet or 0
        if options.sheet and options.sheet not in workbook.sheet_names:
            known = ", ".join(repr(sheet) for sheet in workbook.sheet_names)
            msg = f"{name} has no sheet {options.sheet!r}: it has {known}"
            raise SourceError(msg, source=name)
        loaded = workbook.load_sheet(sheet, header_row=None, dtypes="string")
        cells, faults = loaded.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        msg = f"{name} is no readable workbook: {error}"
        raise SourceError(msg, source=name) from error
    return cells, faults.errors if faults is not None else []
