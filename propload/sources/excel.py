"""Sheets of workbooks (.xlsx, .xls, .xlsb, .ods), as text columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import fastexcel
import polars as pl
import pyarrow as pa

from propload.batch import Unread
from propload.errors import SourceError
from propload.sources.dialect import SAMPLE_ROWS, name_columns
from propload.sources.source import cut, with_nulls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import IO

    from propload.batch import Batch
    from propload.options import SourceOptions


#: How the reader names an error that a formula gave.
_ERROR = re.compile(r"Error\((\w+)\)")
#: How Excel shows them.
_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}


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
    sheet, faults = _read_sheet(file, name, options)
    frame, bad = _with_errors(sheet, faults, options.null_words)
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    frame, bad = frame.filter(filled), bad.filter(filled)
    if frame.is_empty():
        msg = f"{name} is empty: its sheet has no rows"
        raise SourceError(msg, source=name)
    first, *sample = frame.head(1 + SAMPLE_ROWS).fill_null("").rows()
    names, has_header = name_columns(first, sample, name, header=options.header)
    start = 1 if has_header else 0
    frame, bad = frame.slice(start), bad.slice(start)
    frame.columns = list(names)
    rows = pa.RecordBatch.from_arrays(
        [column.to_arrow() for column in frame.filter(~bad).get_columns()], list(names)
    )
    yield from cut(
        with_nulls(rows, options.null_words),
        name,
        1,
        options,
        untyped=True,
        unread=list(_unread(frame, bad)),
    )


def _with_errors(
    sheet: pa.RecordBatch,
    faults: Sequence[fastexcel.CellError],
    null_words: Collection[str],
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the cells with errors as Excel shows them, and which rows have any.

    An error that is a null word is one, as in any other file.
    """
    frame = pl.DataFrame(sheet)
    bad: set[int] = set()
    columns: dict[int, dict[int, str]] = {}
    for fault in faults:
        row, column = fault.offset_position
        word = _word(fault)
        columns.setdefault(column, {})[row] = word
        if word not in null_words:
            bad.add(row)
    for column, words in columns.items():
        cells = frame.to_series(column).scatter(list(words), list(words.values()))
        frame.replace_column(column, cells)
    return frame, pl.Series(
        [row in bad for row in range(frame.height)], dtype=pl.Boolean
    )


def _word(fault: fastexcel.CellError) -> str:
    told = _ERROR.search(fault.detail)
    return _ERRORS.get(told[1], f"#{told[1]}") if told else f"#{fault.detail}"


def _unread(frame: pl.DataFrame, bad: pl.Series) -> Iterator[Unread]:
    for place in bad.arg_true():
        cells = frame.row(place, named=True)
        told = [f"{name}: {word}" for name, word in cells.items() if _is_error(word)]
        text = ",".join(word or "" for word in cells.values())
        message = f"a formula gave an error in column {', '.join(told)}"
        yield Unread(place + 1, text, "cell", message)


def _is_error(word: str | None) -> bool:
    return word is not None and word.startswith("#")


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
