"""Sheets of workbooks (.xlsx, .xls, .xlsb, .ods), as text columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fastexcel
import polars as pl
import pyarrow as pa

from propload.errors import SourceError
from propload.sources.dialect import SAMPLE_ROWS, name_columns
from propload.sources.source import cut, with_nulls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from propload.batch import Batch
    from propload.options import SourceOptions


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
    frame = pl.DataFrame(_read_sheet(file, name, options))
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


def _read_sheet(file: IO[bytes], name: str, options: SourceOptions) -> pa.RecordBatch:
    try:
        workbook = fastexcel.read_excel(file.read())
        sheet = options.sheet or 0
        if options.sheet and options.sheet not in workbook.sheet_names:
            known = ", ".join(repr(sheet) for sheet in workbook.sheet_names)
            msg = f"{name} has no sheet {options.sheet!r}: it has {known}"
            raise SourceError(msg, source=name)
        loaded = workbook.load_sheet(sheet, header_row=None, dtypes="string")
        return loaded.to_arrow()
    except fastexcel.FastExcelError as error:
        msg = f"{name} is no readable workbook: {error}"
        raise SourceError(msg, source=name) from error
