"""Dates, times and durations as text, also for years that Polars cannot write."""

from __future__ import annotations

import polars as pl

#: Ticks per second of Arrow's time units; Polars has all of them but seconds.
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
SECONDS_OF_A_DAY = 86_400
#: Polars can write this many days before and after 1970. Its calendar ends in the year
#: 262142 and begins as long before 1 BC, and it panics when it writes a day beyond;
#: PostgreSQL's range is larger.
LAST_WRITABLE_DAY = 95_000_000
#: The period after which the Gregorian calendar repeats.
YEARS_OF_A_CYCLE, DAYS_OF_A_CYCLE = 400, 146_097


def moment_text(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return dates, times or datetimes as text, those with a time zone in UTC.

    Args:
        column: The column, of the type `source`.
        source: Its type.
    """
    if source == pl.Time:
        return column.dt.to_string("iso")
    if isinstance(source, pl.Datetime) and source.time_unit == "ns":
        # 64 bits of nanoseconds do not exceed the calendar
        return _iso(column, source)
    known = in_calendar(column, source)
    return _iso(known, source).fill_null(_far_text(column, source))


def in_calendar(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return dates or datetimes within Polars' calendar, and the others as nulls."""
    last = LAST_WRITABLE_DAY * _per_day(source)
    return pl.when(column.to_physical().is_between(-last, last)).then(column)


def duration_text(column: pl.Expr, source: pl.Duration) -> pl.Expr:
    """Return durations as text that PostgreSQL reads back exactly.

    Args:
        column: The column, of the type `source`.
        source: Its type.
    """
    # without days, because PostgreSQL distinguishes 72 hours from 3 days; with a sign
    # for each part, because it reads no other form
    per_second = UNITS[source.time_unit]
    number = column.to_physical()
    seconds, rest = number.abs() // per_second, number.abs() % per_second
    digits = rest.cast(pl.String).str.zfill(len(str(per_second)) - 1)
    fraction = pl.lit(".") + digits.str.strip_chars_end("0")
    sign = pl.when(number < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(
        *(pl.lit("PT"), sign, seconds // 3600, pl.lit("H")),
        *(sign, seconds // 60 % 60, pl.lit("M"), sign, seconds % 60),
        pl.when(rest > 0).then(fraction).otherwise(pl.lit("")),
        pl.lit("S"),
    )


def _iso(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    return _in_utc(column, source).dt.to_string("iso")


def _in_utc(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    if isinstance(source, pl.Datetime) and source.time_zone is not None:
        return column.dt.convert_time_zone("UTC")
    return column


def _far_text(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return dates or datetimes beyond the calendar as text.

    Each is moved by whole cycles into the first one from 1970, and written with the
    original year.
    """
    steps = DAYS_OF_A_CYCLE * _per_day(source)
    number = column.to_physical().cast(pl.Int64)
    cycles = number // steps
    narrow = pl.Int64 if isinstance(source, pl.Datetime) else pl.Int32
    near = (number - cycles * steps).cast(narrow).cast(source)
    # the conversion to UTC may change the year
    year = _in_utc(near, source).dt.year().cast(pl.Int64) + cycles * YEARS_OF_A_CYCLE
    sign = pl.when(year > 0).then(pl.lit("+")).otherwise(pl.lit(""))
    return pl.concat_str(sign, year, _iso(near, source).str.slice(4))


def _per_day(source: pl.DataType) -> int:
    """Return how many ticks of a date or datetime type make a day."""
    if not isinstance(source, pl.Datetime):
        return 1
    return SECONDS_OF_A_DAY * UNITS[source.time_unit]
