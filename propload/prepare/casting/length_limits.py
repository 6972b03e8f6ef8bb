"""What a type's length, as in varchar(5), would cut off without a word.

A cast in the server cuts text to varchar(n) and rounds to numeric(p,s) and to
timestamp(n) silently; such values are refused before they are sent. So are amounts
whose meaning would depend on the server's locale.
"""

from __future__ import annotations

import re

import polars as pl

from propload.values.temporal_text import UNITS

_TYPE = re.compile(
    r"(?P<name>[a-z ]+?)\((?P<first>\d+)(?:,(?P<second>-?\d+))?\)(?P<rest>[a-z ]*)"
)
#: PostgreSQL keeps times in microseconds, six digits.
TIME_DIGITS = 6
#: What `$5,00` is as money depends on the server's locale: 5 or 500.
PLAIN_AMOUNT = r"^\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\s*$"
#: Texts for these are sent as they are, and the server rounds to microseconds.
_ROUNDED = ("time with time zone", "interval")
_NANOSECONDS = r":[0-9]+\.[0-9]{6}[0-9]*[1-9]|\.[0-9]{6}[0-9]*[1-9]\s*[sS]"
#: Polars has nanoseconds; the server has six digits, even if no length is written.
_WHOLE_TIMES = ("time", "time without time zone")


def limit(column: pl.Expr, dtype: pl.DataType, pg_type: str) -> pl.Expr | None:
    """Return which values a type with a length would change, or None.

    Args:
        column: The values as they are sent.
        dtype: Their type: text, decimal or a time.
        pg_type: The type as PostgreSQL writes it, such as `numeric(12,2)`.
    """
    if dtype == pl.Time and pg_type in _WHOLE_TIMES:
        return _time_limit(column, dtype, TIME_DIGITS)
    match = _TYPE.fullmatch(pg_type)
    if match is None:
        return _text_beyond(column, pg_type) if dtype == pl.String else None
    name, first = match["name"].strip(), int(match["first"])
    if dtype == pl.String:
        return _text_limit(column, name, first, int(match["second"] or 0))
    if isinstance(dtype, pl.Decimal) and name == "numeric":
        scale = int(match["second"] or 0)
        return None if dtype.scale <= scale else column.round(scale) != column
    if name in ("timestamp", "time") and first <= TIME_DIGITS:
        return _time_limit(column, dtype, first)
    return None


def as_stored(column: pl.Expr, dtype: pl.DataType, pg_type: str) -> pl.Expr | None:
    """Return the values as a varchar(n) stores them, or None where it keeps them.

    It cuts off trailing blanks, but only those beyond its length. A value that is sent
    with them would differ from the stored one every time.

    Args:
        column: The values, of which none is refused.
        dtype: Their type.
        pg_type: The type as PostgreSQL writes it.
    """
    match = _TYPE.fullmatch(pg_type)
    if dtype != pl.String or match is None or match["name"] != "character varying":
        return None
    return column.str.head(int(match["first"]))


def _text_beyond(column: pl.Expr, pg_type: str) -> pl.Expr | None:
    if pg_type == "money":
        return ~column.str.contains(PLAIN_AMOUNT)
    return column.str.contains(_NANOSECONDS) if pg_type in _ROUNDED else None


def _text_limit(column: pl.Expr, name: str, first: int, second: int) -> pl.Expr | None:
    if name in ("character varying", "character", "varchar", "char"):
        # trailing spaces mean nothing in these types
        return (column.str.len_chars() > first) & (
            column.str.strip_chars_end(" ").str.len_chars() > first
        )
    if name == "numeric":
        # for numbers with an exponent, the server says whether they are exact
        return column.str.contains(rf"\.[0-9]{{{max(second, 0)}}}[0-9]*[1-9]0*\s*$")
    if name in ("timestamp", "time", "interval"):
        return column.str.contains(rf"\.[0-9]{{{first}}}[0-9]*[1-9]")
    return None


def _time_limit(column: pl.Expr, dtype: pl.DataType, digits: int) -> pl.Expr | None:
    if dtype != pl.Time and not isinstance(dtype, pl.Datetime):
        return None
    unit = dtype.time_unit if isinstance(dtype, pl.Datetime) else "ns"
    step = UNITS[unit] // 10**digits
    return None if step <= 1 else column.to_physical() % step != 0
