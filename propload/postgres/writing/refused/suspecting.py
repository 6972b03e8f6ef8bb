"""Finds the rows that a server error may be about, by the values that it quotes.

They are suspects only: other rows may have the same values, and the server truncates
what it quotes. So suspects are written like other rows, but one by one, while the rest
of the piece is written as usual.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import polars as pl

from propload.values.temporal_text import moment_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propload.postgres.session.failures import Failure
    from propload.postgres.sql.shape import Shape

#: With more suspects than these, one pass over all rows is faster than trying each.
MOST_SUSPECTS = 64
#: A unique index, a foreign key or an exclusion constraint quotes the values in
#: conflict.
_CONFLICT = re.compile(
    r"Key \((?P<columns>.*?)\)=\((?P<values>.*?)\)"
    r"(?: already exists| is not present| conflicts with)",
    re.DOTALL,
)
#: A check or a null: the whole row, each value truncated to 64 bytes, nothing escaped.
_ROW = re.compile(r"Failing row contains \((?P<values>.*)\)", re.DOTALL)
#: The message about a value that cannot be cast ends with the value.
_VALUE = re.compile(r': "(?P<value>.*)"', re.DOTALL)


def find_suspects(layer: pl.DataFrame, shape: Shape, failure: Failure, /) -> pl.Series:
    """Return for each row whether the error may be about it.

    If more than `MOST_SUSPECTS` rows are suspects, none is returned as one.

    Args:
        layer: The rows that were written.
        shape: The table and its key.
        failure: The error.
    """
    condition = _condition(layer, shape, failure)
    none = pl.repeat(value=False, n=layer.height, eager=True)
    if condition is None:
        return none
    suspects = layer.select(condition.fill_null(value=False)).to_series()
    return suspects if suspects.sum() <= MOST_SUSPECTS else none


def _condition(layer: pl.DataFrame, shape: Shape, failure: Failure) -> pl.Expr | None:
    message = failure.message
    if quoted := _CONFLICT.search(message):
        columns, values = (each.split(", ") for each in quoted.groups())
        if len(columns) != len(values):
            return None
        pairs = zip(columns, values, strict=True)
        return _all(_holds(layer, name, {value}) for name, value in pairs)
    if quoted := _ROW.search(message):
        texts = set(quoted["values"].split(", "))
        # without a key, all columns that can be compared have to match
        names = shape.key or tuple(column.name for column in shape.columns)
        return _all(_holds(layer, name, texts) for name in names)
    if quoted := _VALUE.search(message):
        tests = [
            pl.col(column.name) == quoted["value"]
            for column in shape.columns
            if column.cast_type and layer.schema[column.name] == pl.String
        ]
        return reduce(or_, tests) if tests else None
    return None


def _holds(layer: pl.DataFrame, name: str, texts: set[str]) -> pl.Expr | None:
    """Return the test that a column has one of some texts, or None.

    It is None for types whose values the server may write in several ways.
    """
    dtype = layer.schema.get(name)
    if dtype is None or not (dtype.is_integer() or dtype in (pl.String, pl.Date)):
        return None
    column = pl.col(name)
    text = moment_text(column, dtype) if dtype == pl.Date else column.cast(pl.String)
    return text.is_in(list(texts))


def _all(tests: Iterable[pl.Expr | None]) -> pl.Expr | None:
    applicable = [test for test in tests if test is not None]
    return reduce(and_, applicable) if applicable else None
