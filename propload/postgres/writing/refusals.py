"""Rows that the server refuses, and the reasons that are told of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from propload.batch import REASONS, ROW, no_reasons
from propload.moments import duration_text, moment_text
from propload.type_names import inner_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.session.failures import Failure

#: A row is wider than a page of the server, or longer than an index can hold.
TOO_LARGE = "54000"
#: Short names of what a SQLSTATE says, where no constraint has a name.
CHECKS = {
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    # every other CHECK has a name
    "23514": "partition",
    "23P01": "exclusion",
    "22001": "too_long",
    "22003": "out_of_range",
    "22007": "datetime",
    "22008": "datetime",
    "22021": "encoding",
    "22P02": "cast",
    "22P05": "encoding",
    TOO_LARGE: "too_large",
    "P0001": "raised",
}
#: The detail of these constraints names the values in conflict.
_OF_CONFLICTS = ("23503", "23505", "23P01")
#: That of others in these classes is the whole row, which the reject holds anyway, or
#: the place of a row.
_OF_ROWS = ("23", "44", "54")
#: What a cast that would change a value raises, by way of a number that it is not.
_INEXACT = re.compile(r'numeric: ["»„](.*) (is not exact as .*).$', re.DOTALL)
#: A value in a reason is cut to what a person reads.
VALUE_LETTERS = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server says of one row.

    Attributes:
        place: The row's position in its layer.
        column: The column at fault, several with commas, or None.
        constraint: The constraint's name, or None.
        message: The server's words.
        sqlstate: Its code, or None.
        of_value: Whether the column cannot hold the value, whatever code tells it.
    """

    place: int
    column: str | None
    constraint: str | None
    message: str
    sqlstate: str | None
    of_value: bool = False

    @classmethod
    def of(cls, failure: Failure, place: int, /) -> Self:
        """Return what a failure says of the row at a place."""
        message = failure.message
        if not tells_detail(failure.sqlstate):
            message = failure.primary or message
        return cls(place, failure.column, failure.constraint, message, failure.sqlstate)

    @property
    def check(self) -> str:
        """The constraint's name, or a short one for what the code says."""
        state = self.sqlstate or "22000"
        # a NOT NULL constraint has a name on some versions only
        if self.constraint and state != "23502":
            return self.constraint
        # readers of some types give the codes of a wrong statement
        return CHECKS.get(state) or ("cast" if self.of_value else state)

    def value(self, layer: pl.DataFrame, /) -> str | None:
        """Return the value at fault as text, or None where there is none."""
        columns = [self.column] if self.column in layer.columns else []
        if self.column and not columns:
            columns = self.column.split(", ")
        if not columns or not all(name in layer.columns for name in columns):
            return None
        values = [_text(layer[name], self.place) for name in columns]
        if all(value is None for value in values):
            return None
        return ", ".join(value or "null" for value in values)[:VALUE_LETTERS]


def tells_detail(sqlstate: str | None, /) -> bool:
    """Return whether the detail of an error with this code says more of a value."""
    state = sqlstate or ""
    return state in _OF_CONFLICTS or not state.startswith(_OF_ROWS)


def without(layer: pl.DataFrame, refusals: Sequence[Refusal], /) -> pl.DataFrame:
    """Return a layer without the rejected rows."""
    bad = pl.Series([each.place for each in refusals], dtype=pl.UInt32)
    return layer.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(bad.implode()))


def reasons_of(layer: pl.DataFrame, refusals: Sequence[Refusal], /) -> pl.DataFrame:
    """Return why rows of a layer were refused, columns `REASONS`."""
    if not refusals:
        return no_reasons()
    rows = layer[ROW].gather([each.place for each in refusals])
    lines = [
        (
            row,
            "database",
            each.column,
            each.check,
            each.value(layer),
            _plain(each.message),
            each.sqlstate,
        )
        for row, each in zip(rows, refusals, strict=True)
    ]
    return pl.DataFrame(lines, schema=REASONS, orient="row")


def _plain(message: str) -> str:
    """Return a message without the detour by which a cast raises it."""
    found = _INEXACT.search(message)
    return f'"{found[1]}" {found[2]}' if found else message


def _text(values: pl.Series, place: int) -> str | None:
    one = values.slice(place, 1).to_frame()
    [value] = one.select(_readable(pl.col(values.name), values.dtype)).to_series()
    if isinstance(value, pl.Series):
        return json.dumps(value.to_list(), ensure_ascii=False, default=str)
    return None if value is None else str(value)


def _readable(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a column as Python can show it: its years end before the server's do."""
    if isinstance(dtype, (pl.List, pl.Array)):
        inner = inner_type(dtype)
        elements = column.cast(pl.List(inner))
        return elements.list.eval(_readable(pl.element(), inner))
    if isinstance(dtype, pl.Duration):
        return duration_text(column, dtype)
    return moment_text(column, dtype) if dtype.is_temporal() else column
