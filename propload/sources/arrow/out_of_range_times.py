"""Converts times within maps to text if Python would truncate or cannot hold them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from propload.sources.arrow.foreign_types import is_within
from propload.sources.arrow.nested import change_parts
from propload.values.plain_columns import TEXT
from propload.values.temporal_text import (
    SECONDS_OF_A_DAY,
    UNITS,
    duration_text,
    moment_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

#: The first and the last date that Python has, in days from 1970.
_FIRST, _LAST = (
    day.toordinal() - dt.date(1970, 1, 1).toordinal()
    for day in (dt.date.min, dt.date.max)
)


def convert_out_of_range(column: pa.Array) -> pa.Array:
    """Return the column, with times as text that Python could not hold exactly."""
    return change_parts(column, pa.types.is_temporal, _convert_column)


def _convert_column(column: pa.Array) -> pa.Array:
    if not _is_out_of_range(column):
        return column
    values = pl.Series("v", _to_known_unit(column))
    texts = values.to_frame().select(
        _text_expression(values.dtype)(pl.col("v"), values.dtype)
    )
    return texts.to_series().str.replace(" ", "T", literal=True).to_arrow().cast(TEXT)


def _text_expression(dtype: pl.DataType) -> Callable[..., pl.Expr]:
    return duration_text if isinstance(dtype, pl.Duration) else moment_text


def _to_known_unit(column: pa.Array) -> pa.Array:
    """Return the column in a unit that Polars has."""
    if pa.types.is_date64(column.type):
        return column.cast(pa.date32())
    if getattr(column.type, "unit", "") != "s":
        return column
    milliseconds = pc.multiply(column.cast(pa.int64()), 1_000)
    return milliseconds.cast(pa.timestamp("ms", column.type.tz))


def _is_out_of_range(column: pa.Array) -> bool:
    """Return whether Python cannot hold one of the values, or might truncate it."""
    kind = column.type
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        return bool(kind.unit == "ns")
    if pa.types.is_date(kind):
        numbers, per_day = column.cast(pa.date32()).cast(pa.int32()), 1
    elif pa.types.is_timestamp(kind) and kind.unit != "ns":
        numbers = column.cast(pa.int64())
        per_day = SECONDS_OF_A_DAY * UNITS[kind.unit]
    else:
        # Arrow returns a pandas value for these
        return False
    # without a day at either end: a time zone may move it beyond the range
    return not is_within(numbers, (_FIRST + 1) * per_day, _LAST * per_day - 1)
