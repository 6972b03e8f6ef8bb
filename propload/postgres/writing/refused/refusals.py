"""Rows that the server refuses, and their reasons as they are reported."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from propload.batch import REASONS, ROW, no_reasons
from propload.names.type_names import inner_type
from propload.values.temporal_text import duration_text, moment_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from propload.postgres.session.failures import Failure

#: The code for a row too wide for a page of the server, or too long for an index.
TOO_LARGE = "54000"
#: Short names of checks by SQLSTATE, used if the error names no constraint.
CHECKS = {
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    # a violated CHECK always has a name
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
#: The codes of errors whose detail quotes the values in conflict.
_OF_CONFLICTS = ("23503", "23505", "23P01")
#: The classes of other errors, whose detail is the whole row, which the reject contains
#: anyway, or the position of a row.
_OF_ROWS = ("23", "44", "54")
#: The error of a cast that would change a value: it is raised by casting a message to
#: numeric (`casts.cast_sql`).
_INEXACT = re.compile(r'numeric: ["»„](.*) (is not exact as .*).$', re.DOTALL)
#: How many characters of a value are kept in a reason, for people to read.
VALUE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the server refuses one row.

    Attributes:
        position: The row's position in its layer.
        column: The column at fault, or several, separated by commas; or None.
        constraint: The constraint's name, or None.
        message: The server's message.
        sqlstate: The server's code, or None.
        of_value: Whether the cause is a value that the column cannot hold, whatever the
            code is.
    """

    position: int
    column: str | None
    constraint: str | None
    message: str
    sqlstate: str | None
    of_value: bool = False

    @classmethod
    def of(cls, failure: Failure, position: int, /) -> Self:
        """Return the refusal of the row at a position, from a failure."""
        message = failure.message
        if not reports_detail(failure.sqlstate):
            message = failure.primary or message
        return cls(
            position, failure.column, failure.constraint, message, failure.sqlstate
        )

    @property
    def check(self) -> str:
        """The constraint's name, or a short name for the code."""
        state = self.sqlstate or "22000"
        # NOT NULL constraints have names only in newer versions
        if self.constraint and state != "23502":
            return self.constraint
        # input functions of some types raise the codes of a wrong statement
        return CHECKS.get(state) or ("cast" if self.of_value else state)


def reports_detail(sqlstate: str | None, /) -> bool:
    """Return whether the detail of an error with this code is worth reporting."""
    state = sqlstate or ""
    return state in _OF_CONFLICTS or not state.startswith(_OF_ROWS)


def drop_refused(layer: pl.DataFrame, refusals: Sequence[Refusal], /) -> pl.DataFrame:
    """Return a layer without the rejected rows."""
    bad = pl.Series([each.position for each in refusals], dtype=pl.UInt32)
    return layer.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(bad.implode()))


def reasons_of(layer: pl.DataFrame, refusals: Sequence[Refusal], /) -> pl.DataFrame:
    """Return why rows of a layer were refused, in the columns of `REASONS`."""
    if not refusals:
        return no_reasons()
    rows = layer[ROW].gather([each.position for each in refusals])
    values = values_of(layer, [(each.position, each.column) for each in refusals])
    lines = [
        (
            row,
            "database",
            each.column,
            each.check,
            value,
            _strip_cast(each.message),
            each.sqlstate,
        )
        for row, value, each in zip(rows, values, refusals, strict=True)
    ]
    return pl.DataFrame(lines, schema=REASONS, orient="row")


def values_of(
    layer: pl.DataFrame, cells: Sequence[tuple[int, str | None]], /
) -> list[str | None]:
    """Return values as texts, or None for a null or an unknown column.

    All values of a column are read with one call of Polars.

    Args:
        layer: The rows.
        cells: For each value, the position of its row, and its column (or several,
            separated by commas).
    """
    values: list[str | None] = [None] * len(cells)
    by_column: dict[str | None, list[int]] = {}
    for number, (_, column) in enumerate(cells):
        by_column.setdefault(column, []).append(number)
    for column, numbers in by_column.items():
        rows = [cells[number][0] for number in numbers]
        names = _names(column, layer.columns)
        texts = [_texts(layer[name].gather(rows)) for name in names]
        if texts:
            for number, *several in zip(numbers, *texts, strict=True):
                values[number] = _join(several)
    return values


def _names(column: str | None, known: Collection[str]) -> Sequence[str]:
    """Return the columns that a refusal names, or none if one of them is unknown."""
    if column is None or column in known:
        return [] if column is None else [column]
    names = column.split(", ")
    return names if all(name in known for name in names) else []


def _join(values: Sequence[str | None]) -> str | None:
    if all(value is None for value in values):
        return None
    return ", ".join(value or "null" for value in values)[:VALUE_LENGTH]


def _strip_cast(message: str) -> str:
    """Return a message without what the cast that raises it adds to it."""
    match = _INEXACT.search(message)
    return f'"{match[1]}" {match[2]}' if match else message


def _texts(values: pl.Series) -> list[str | None]:
    readable = values.to_frame().select(_readable(pl.col(values.name), values.dtype))
    return [_text(value) for value in readable.to_series().to_list()]


def _text(value: object) -> str | None:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return None if value is None else str(value)


def _readable(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a column with times as texts: Python's years end before the server's."""
    if isinstance(dtype, (pl.List, pl.Array)):
        inner = inner_type(dtype)
        elements = column.cast(pl.List(inner))
        return elements.list.eval(_readable(pl.element(), inner))
    if isinstance(dtype, pl.Duration):
        return duration_text(column, dtype)
    return moment_text(column, dtype) if dtype.is_temporal() else column
