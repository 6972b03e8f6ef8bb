"""Steps over whole columns of texts that name days."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from propload.prepare.parsers.months import month_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Month names become `@10@`, so that `10 11` and `11 October` stay apart.
MONTH_MARK = "@%m@"
#: Of earlier years nobody can tell the century: see `text_in.SHORT_YEAR`.
FIRST_YEAR = 1000


# The readers below take whole columns, and each goes on with the texts that are left,
# so that a column of ISO dates is never searched for names of months.


def fill_missing(
    values: pl.Series, text: pl.Series, read: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Return values with those that are missing read in another way."""
    missing = values.is_null() & text.is_not_null()
    if not missing.any():
        return values
    return values.clone().scatter(missing.arg_true(), read(text.filter(missing)))


def read_by_formats(
    text: pl.Series, read: Callable[..., pl.Series], shapes: Sequence[str]
) -> pl.Series:
    """Return the values of texts, each read by the first shape that it has."""
    values = read(text, shape=shapes[0])
    for shape in shapes[1:]:
        values = fill_missing(values, text, partial(read, shape=shape))
    return values


def apply(text: pl.Series, step: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return a column after a step over its expression."""
    return text.to_frame().select(step(pl.first())).to_series()


def tidy_texts(text: pl.Series) -> pl.Series:
    """Return texts with single spaces, none around."""
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def mark_months(text: pl.Series, locale: str | None) -> pl.Series:
    """Return tidy texts with `@10@` in place of a month's name."""
    numbers = month_numbers(locale)
    names = "|".join(sorted(numbers, key=len, reverse=True))
    frame = text.alias("text").to_frame()
    name = pl.col("text").str.extract(rf"(?i)\b({names})\b", 1).str.to_lowercase()
    number = name.replace_strict(
        list(numbers), list(numbers.values()), default=None, return_dtype=pl.String
    )
    frame = frame.with_columns(number.alias("number"))
    marked = pl.col("text").str.replace(
        rf"(?i)\b(?:{names})\b\.?", "@" + pl.col("number") + "@"
    )
    return frame.select(pl.coalesce(marked, "text")).to_series()


def null_implausible(moment: pl.Series) -> pl.Series:
    """Return days or moments, null where the year must have been misread."""
    return apply(moment, lambda one: pl.when(one.dt.year() >= FIRST_YEAR).then(one))


def to_date(text: pl.Series, *, shape: str) -> pl.Series:
    """Return the days of texts of one format."""
    return text.str.to_date(shape, strict=False)


def to_utc(naive: pl.Expr, time_zone: str) -> pl.Expr:
    """Return naive times of a zone in UTC."""
    zoned = naive.dt.replace_time_zone(
        time_zone, ambiguous="earliest", non_existent="null"
    )
    return zoned.dt.convert_time_zone("UTC")
