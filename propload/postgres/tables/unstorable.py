"""Values that the server takes into no column, whatever the table is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

#: PostgreSQL's first and last date, in days from 1970-01-01.
FIRST_DAY, LAST_DAY = -2_440_588, 2_145_042_905
#: Its first timestamp in microseconds from 1970; its last is beyond 64 bits.
FIRST_MICROSECOND = -210_866_803_200_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with values of one column.

    Attributes:
        column: The column.
        places: The rows, counted from 0.
        message: What the server would say.
        sqlstate: The code that it would give.
    """

    column: str
    places: list[int]
    message: str
    sqlstate: str


def never_taken(layer: pl.DataFrame, /) -> list[Fault]:
    """Return the values of a layer that no column of their type can hold."""
    found = []
    for column, dtype in layer.schema.items():
        faulty = _faulty(dtype)
        if faulty is None:
            continue
        condition, message, state = faulty
        places = layer.select(condition(pl.col(column)).fill_null(value=False))
        rows = places.to_series().arg_true().to_list()
        found.append(Fault(column, rows, f"column {column} {message}", state))
    return found


def _faulty(
    dtype: pl.DataType,
) -> tuple[Callable[[pl.Expr], pl.Expr], str, str] | None:
    if dtype == pl.String:
        return _holds_nul, "holds a NUL, which no text of PostgreSQL may", "22021"
    if dtype == pl.Date:
        return _is_out_of(FIRST_DAY, LAST_DAY), "is out of the range of date", "22008"
    if isinstance(dtype, pl.Datetime):
        return _is_out_of(FIRST_MICROSECOND, None), "is out of range", "22008"
    return None


def _holds_nul(column: pl.Expr) -> pl.Expr:
    return column.str.contains("\0", literal=True)


def _is_out_of(first: int, last: int | None) -> Callable[[pl.Expr], pl.Expr]:
    def condition(column: pl.Expr) -> pl.Expr:
        """Return whether a value lies outside of what the server stores."""
        number = column.to_physical()
        below = number < first
        return below if last is None else below | (number > last)

    return condition
