"""A test double of the sessions through which lanes read a table of hashed rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from propload.batch import ROW
from propload.postgres.sql.shape import ColumnShape, Shape
from propload.postgres.sql.stored_rows import COMPARABLE_SIZE_QUERY
from propload.postgres.writing.stored.comparable import comparable_columns
from propload.postgres.writing.stored.table_reading import (
    PART_PAGES,
    PROBE_PAGES,
    Hasher,
)
from propload.target import ColumnPlan, TableName

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = (
    ColumnShape(ColumnPlan("k", pl.Int64(), "copy", "bigint")),
    ColumnShape(ColumnPlan("v", pl.String(), "copy", "text")),
)
SHAPE = Shape(TableName("public", "t"), COLUMNS, key=("k",))
HASHER = Hasher(SHAPE.table, comparable_columns(COLUMNS) or (), SHAPE.key)


def layer_of(rows: dict[int, str]) -> pl.DataFrame:
    """Return rows as a frame with row numbers, as a lane gets them."""
    schema = {"k": pl.Int64, "v": pl.String}
    frame = pl.DataFrame({"k": list(rows), "v": list(rows.values())}, schema=schema)
    return frame.with_row_index(ROW)


@dataclass
class StoredTable:
    """A session with a table, whose rows are given for each part of its pages.

    Attributes:
        parts: The rows of each part.
        is_plain: Whether its rows may be hashed.
        counted: The number of rows according to the server's statistics.
        on_read: Called with the number of each part when it is read.
        read: The numbers of the parts that were read.
    """

    parts: list[dict[int, str]]
    is_plain: bool = True
    counted: int = 0
    on_read: Callable[[int], None] = lambda _number: None
    read: list[int] = field(default_factory=list)

    @property
    def pages(self) -> int:
        return PROBE_PAGES + (len(self.parts) - 1) * PART_PAGES

    def ask(self, sql: str, params: tuple[str, ...]) -> list[tuple[bool, int, int]]:
        assert (sql, params) == (COMPARABLE_SIZE_QUERY, ("public", "t"))
        return [(self.is_plain, self.pages, self.counted)]

    def batches(self, sql: str):
        pages = [int(page) for page in re.findall(r"'\((\d+),0\)'", sql)]
        first = _number(pages[0]) if ">=" in sql else 0
        self.read.append(first)
        self.on_read(first)
        after = _number(pages[-1]) if "ctid <" in sql else len(self.parts)
        assert after == first + 1
        prints = HASHER.hash_incoming(layer_of(self.parts[first]))
        arrays = [pa.array(each.view(np.int64)) for each in (prints.keys, prints.rows)]
        yield pa.RecordBatch.from_arrays(arrays, ["key", "row"])


def _number(page: int) -> int:
    """Return the number of the part that begins with a page."""
    return 1 + (page - PROBE_PAGES) // PART_PAGES
