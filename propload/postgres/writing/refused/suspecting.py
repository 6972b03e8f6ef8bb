"""Which rows an error of the server may be about, by the values that it quotes.

What is found is a suspicion, never a verdict: other rows may hold the same values,
and the server cuts what it quotes. So suspects are written like others, but one by
one, while the rest of the batch goes its usual way.
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

#: More suspects than these are found faster by one look at all rows, than tried.
MOST_SUSPECTS = 64
#: A unique index, a foreign key or an exclusion names the values in conflict.
_CONFLICT = re.compile(
    r"Key \((?P<columns>.*?)\)=\((?P<values>.*?)\)"
    r"(?: already exists| is not present| conflicts with)",
    re.DOTALL,
)
#: A check or a null: the whole row, each value cut to 64 bytes, nothing escaped.
_ROW = re.compile(r"Failing row contains \((?P<values>.*)\)", re.DOTALL)
#: A value that cannot be cast ends the message.
_VALUE = re.compile(r': "(?P<value>.*)"', re.DOTALL)


def suspects(layer: pl.DataFrame, shape: Shape, failure: Failure, /) -> pl.Series:
    """Return for each row whether the error may be about it; none where too many are.

    Args:
        layer: The rows that were written.
        shape: The table and its key.
        failure: What the server said.
    """
    condition = _condition(layer, shape, failure)
    none = pl.repeat(value=False, n=layer.height, eager=True)
    if condition is None:
        return none
    found = layer.select(condition.fill_null(value=False)).to_series()
    return found if found.sum() <= MOST_SUSPECTS else none


def _condition(layer: pl.DataFrame, shape: Shape, failure: Failure) -> pl.Expr | None:
    message = failure.message
    if quoted := _CONFLICT.search(message):
        columns, values = (each.split(", ") for each in quoted.groups())
        if len(columns) != len(values):
            return None
        pairs = zip(columns, values, strict=True)
        return _all(_holds(layer, name, {value}) for name, value in pairs)
    if quoted := _ROW.search(message):
        words = set(quoted["values"].split(", "))
        # without a key, all that can be compared has to stand there
        names = shape.key or tuple(column.name for column in shape.columns)
        return _all(_holds(layer, name, words) for name in names)
    if quoted := _VALUE.search(message):
        texts = [
            pl.col(column.name) == quoted["value"]
            for column in shape.columns
            if column.cast_type and layer.schema[column.name] == pl.String
        ]
        return reduce(or_, texts) if texts else None
    return None


def _holds(layer: pl.DataFrame, name: str, words: set[str]) -> pl.Expr | None:
    """Return the test for one of some words, for types that are shown in one way."""
    dtype = layer.schema.get(name)
    if dtype is None or not (dtype.is_integer() or dtype in (pl.String, pl.Date)):
        return None
    column = pl.col(name)
    text = moment_text(column, dtype) if dtype == pl.Date else column.cast(pl.String)
    return text.is_in(list(words))


def _all(tests: Iterable[pl.Expr | None]) -> pl.Expr | None:
    known = [test for test in tests if test is not None]
    return reduce(and_, known) if known else None
