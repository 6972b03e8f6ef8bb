"""Inference of the types of columns that are text only because a CSV has no types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW
from propload.names.type_names import type_name
from propload.prepare.casting.text_in import GROUPED, read_inferred
from propload.values.formula_errors import FORMULA_ERRORS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

#: Values that rule most types out before the whole chunk is read.
SAMPLE_ROWS = 64
#: Tried in this order: whole numbers are also decimals, dates never are.
CANDIDATES: tuple[pl.DataType, ...] = (
    pl.Int64(),
    pl.Float64(),
    pl.Boolean(),
    pl.Date(),
    pl.Datetime("us"),
    pl.Datetime("us", "UTC"),
)


#: What orders the versions of a row.
ORDERED: tuple[pl.DataType, ...] = tuple(
    dtype for dtype in CANDIDATES if dtype != pl.Boolean
)

_BY_NAME = {type_name(dtype): dtype for dtype in CANDIDATES}


def type_names(inferred: Mapping[str, pl.DataType], /) -> dict[str, str]:
    """Return the names of inferred types, by which a record keeps them."""
    return {column: type_name(dtype) for column, dtype in inferred.items()}


def types_by_name(names: Mapping[str, str], /) -> dict[str, pl.DataType]:
    """Return the inferred types of these names.

    Args:
        names: The name of each column's type; types that another version guesses and
            this one does not are left out.
    """
    return {
        column: _BY_NAME[name] for column, name in names.items() if name in _BY_NAME
    }


def infer_types(
    frame: pl.DataFrame,
    columns: Collection[str] | None = None,
    *,
    candidates: Sequence[pl.DataType] = CANDIDATES,
    numbers: Mapping[str, pl.Series] | None = None,
) -> dict[str, pl.DataType]:
    """Return the type of each text column, String unless every value fits.

    No guess loses a leading zero, a digit or a sign: each value, read as the type and
    written again, has to be the same text.

    Args:
        frame: The first chunk of a source.
        columns: The columns to guess, or None for every text column.
        candidates: The types that are tried, in this order.
        numbers: Texts that are numbers in the source, by the column.
    """
    names = [
        name
        for name, dtype in frame.schema.items()
        if dtype == pl.String and name != ROW and (columns is None or name in columns)
    ]
    number_texts = numbers or {}
    return {
        name: _infer(frame.get_column(name), candidates, number_texts.get(name))
        for name in names
    }


def _infer(
    column: pl.Series, candidates: Sequence[pl.DataType], numbers: pl.Series | None
) -> pl.DataType:
    texts = column.drop_nulls()
    # a failed formula says nothing of the type; its row is refused among numbers
    values = texts.filter(~texts.is_in([*FORMULA_ERRORS.values()]))
    if values.is_empty():
        return pl.String()
    sample = values.head(SAMPLE_ROWS)
    for candidate in candidates:
        if _fits(sample, candidate) and _fits(values, candidate):
            is_doubtful = candidate.is_float() and _may_be_thousands(values, numbers)
            return pl.String() if is_doubtful else candidate
    return pl.String()


def _may_be_thousands(values: pl.Series, numbers: pl.Series | None) -> bool:
    """Return whether every point may group digits, as in 450.000, a price in Dutch."""
    with_point = values.filter(values.str.contains(".", literal=True))
    if numbers is not None:
        with_point = with_point.filter(~with_point.is_in(numbers.implode()))
    return not with_point.is_empty() and bool(with_point.str.contains(GROUPED).all())


def _fits(values: pl.Series, candidate: pl.DataType) -> bool:
    reading = read_inferred(pl.first(), candidate)
    frame = values.to_frame("text")
    read = frame.select(reading.value).to_series()
    if read.null_count() and reading.retry is not None:
        read = frame.select(reading.retry).to_series()
    if read.null_count():
        return False
    refused = reading.refused
    return refused is None or not frame.select(refused.any()).item()
