"""Find values that no PostgreSQL column of their type can store."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

#: PostgreSQL's first and last date, in days from 1970-01-01.
FIRST_DAY, LAST_DAY = -2_440_588, 2_145_042_905
#: Its first timestamp, in microseconds from 1970; its last one exceeds 64 bits.
FIRST_MICROSECOND = -210_866_803_200_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with some values of a column.

    Attributes:
        column: The column.
        places: The 0-based positions of the rows.
        message: What is wrong, as the server would say it.
        sqlstate: The code that the server would give.
    """

    column: str
    places: list[int]
    message: str
    sqlstate: str


def find_unstorable(layer: pl.DataFrame, /) -> list[Fault]:
    """Return the values of a layer that no column of their type can store."""
    faults = []
    for column, dtype in layer.schema.items():
        check = _unstorable_condition(pl.col(column), dtype)
        if check is None:
            continue
        condition, message, state = check
        places = layer.select(condition.fill_null(value=False)).to_series()
        rows = places.arg_true().to_list()
        faults.append(Fault(column, rows, f"column {column} {message}", state))
    return faults


def _unstorable_condition(
    column: pl.Expr, dtype: pl.DataType
) -> tuple[pl.Expr, str, str] | None:
    """Return the condition for such values, the message and the SQLSTATE; or None."""
    number = column.to_physical()
    if dtype == pl.String:
        holds_nul = column.str.contains("\0", literal=True)
        return holds_nul, "holds a NUL, which no PostgreSQL text may", "22021"
    if dtype == pl.Date:
        is_out = (number < FIRST_DAY) | (number > LAST_DAY)
        return is_out, "is out of the range of date", "22008"
    if isinstance(dtype, pl.Datetime):
        return number < FIRST_MICROSECOND, "is out of range", "22008"
    return None
