"""Sheets of workbooks (.xlsx, .xls, .xlsb, .ods), as text columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fastexcel
import pyarrow as pa

from propload.errors import SourceError
from propload.sources.source import check_names, cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from propload.batch import Batch
    from propload.options import SourceOptions


def read_workbook(file: BinaryIO, name: str, options: SourceOptions) -> Iterator[Batch]:
    """Yield the rows of one sheet; a sheet is read whole, as its format asks."""
    raise NotImplementedError
