"""The layout of a benchmark's rows: their columns, key, and settings for propload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload.target import OnNull

_TYPES: tuple[tuple[pl.DataType, str], ...] = (
    (pl.String(), "text"),
    (pl.Boolean(), "boolean"),
    (pl.Int64(), "bigint"),
    (pl.Int32(), "integer"),
    (pl.Int16(), "smallint"),
    (pl.Float64(), "double precision"),
    (pl.Date(), "date"),
    (pl.Datetime("us"), "timestamp without time zone"),
    (pl.Datetime("us", "UTC"), "timestamp with time zone"),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """What every candidate must know of a table.

    Attributes:
        columns: The PostgreSQL type of each column, by name.
        key: The columns that identify a row.
        schema: The schema that propload checks rows against; None for no check.
        newest: The column that says which of two rows is newer, or None.
        on_null: What a null does to a stored value.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    schema: str | None = None
    newest: str | None = None
    on_null: OnNull = "overwrite"

    @property
    def column_list(self) -> str:
        """The columns as a quoted, comma-separated list for SQL."""
        return quoted(list(self.columns))

    @property
    def key_list(self) -> str:
        """The key as a quoted, comma-separated list for SQL."""
        return quoted(self.key)


def column_types(frame: pl.DataFrame, /) -> dict[str, str]:
    """Return the PostgreSQL type of each column.

    Raises:
        ValueError: A column has a type that the benchmarks do not support.
    """
    types = dict(_TYPES)
    for name, dtype in frame.schema.items():
        if dtype not in types:
            msg = f"column {name}: benchmarks have no rows of type {dtype}"
            raise ValueError(msg)
    return {name: types[dtype] for name, dtype in frame.schema.items()}


def quoted(names: Sequence[str], /) -> str:
    """Return names as a quoted, comma-separated list for SQL."""
    return ", ".join('"{}"'.format(name.replace('"', '""')) for name in names)
