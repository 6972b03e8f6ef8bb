"""A table whose rows are hashed, as lanes see it: a double of their sessions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from propload.batch import ROW
from propload.postgres.sql.shape import ColumnShape, Shape
from propload.postgres.sql.stored_rows import PAGES_QUERY
from propload.postgres.writing.comparable import comparable
from propload.postgres.writing.table_reading import PART_PAGES, Asked
from propload.target import ColumnPlan, TableName

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = (
    ColumnShape(ColumnPlan("k", pl.Int64(), "copy", "bigint")),
    ColumnShape(ColumnPlan("v", pl.String(), "copy", "text")),
)
SHAPE = Shape(TableName("public", "t"), COLUMNS, key=("k",))
ASKED = Asked(SHAPE.table, comparable(COLUMNS) or (), SHAPE.key)


def layer_of(rows: dict[int, str]) -> pl.DataFrame:
    """Return rows as a lane gets them."""
    schema = {"k": pl.Int64, "v": pl.String}
    frame = pl.DataFrame({"k": list(rows), "v": list(rows.values())}, schema=schema)
    return frame.with_row_index(ROW)


@dataclass
class StoredTable:
    """A session with a table, whose rows are given by parts of pages.

    Attributes:
        parts: The rows of each part.
        on_read: Called as each part is read, with its number.
        read: The numbers of the parts that were read.
        ended: How transactions ended.
    """

    parts: list[dict[int, str]]
    on_read: Callable[[int], None] = lambda _number: None
    read: list[int] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @property
    def pages(self) -> int:
        return len(self.parts) * PART_PAGES

    def rows(self, sql: str, params: tuple[str, ...]) -> list[tuple[int]]:
        assert (sql, params) == (PAGES_QUERY, ("public", "t"))
        return [(self.pages,)]

    def batches(self, sql: str):
        pages = [int(page) for page in re.findall(r"'\((\d+),0\)'", sql)]
        first = pages[0] // PART_PAGES if ">=" in sql else 0
        self.read.append(first)
        self.on_read(first)
        after = pages[-1] // PART_PAGES if "ctid <" in sql else len(self.parts)
        assert after == first + 1
        prints = ASKED.incoming(layer_of(self.parts[first]))
        arrays = [pa.array(each.view(np.int64)) for each in (prints.keys, prints.rows)]
        yield pa.RecordBatch.from_arrays(arrays, ["key", "row"])

    def __post_init__(self) -> None:
        self.commit = partial(self.ended.append, "commit")
        self.rollback = partial(self.ended.append, "rollback")
