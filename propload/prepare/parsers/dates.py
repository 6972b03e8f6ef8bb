"""Dates and moments out of texts: formats, month names, time zones."""

from __future__ import annotations

import zoneinfo
from functools import cache, partial
from typing import TYPE_CHECKING

import polars as pl

from propload.errors import ConfigError
from propload.prepare.parsers.expressions import requires_expression
from propload.prepare.parsers.formats import (
    check_formats,
    day_by_formats,
    moment_by_formats,
)
from propload.prepare.parsers.months import language_of, month_numbers
from propload.prepare.parsers.stepwise import (
    fill_missing,
    mark_months,
    null_implausible,
    read_by_formats,
    tidy_texts,
    to_date,
    to_utc,
)
from propload.prepare.parsers.words import as_words

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where a day stands beside a month's name.
_NAMED = ("%d @%m@ %Y", "@%m@ %d %Y", "%Y @%m@ %d", "%d-@%m@-%Y")
#: Without a locale, only dates that begin with the year are unambiguous.
_ISO = ("%Y-%m-%d", "%Y/%m/%d")
_DAY_FIRST = ("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%d %m %Y")
#: Languages that write the day before the month; English does either.
_DAY_FIRST_LANGUAGES = ("nl", "de", "fr", "pl")
#: What may surround a day and the name of its month without meaning anything.
_FILLER_PATTERNS = (
    (r"^\p{L}+\.?,? ", ""),
    (r"^(?i:le|den|de|the) ", ""),
    (r"(\d)(?i:\.|st|nd|rd|th|er|e)? (?i:of |de )?@", "$1 @"),
    (r"@ (\d{1,2})(?i:st|nd|rd|th)?,? (\d{4})", "@ $1 $2"),
    (r"@,? (\d{4})\b", "@ $1"),
)
#: A day as written by workbooks, and by programs without a type for days alone.
_MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})[ T]00:00:00(?:\.0+)?$"
#: A day, a clock, perhaps its half of the day, perhaps an offset from UTC.
_MOMENT = (
    r"^(.*\d),?(?:T| (?i:om |at |um |à |o |godz\. |klokke )?)"
    r"(\d{1,2}[:.h]\d{2}(?::\d{2}(?:[.,]\d+)?)?)(?: ?([AaPp]\.?[Mm]\.?))?"
    r"(?: (?i:uur|uhr|h))? ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$"
)
#: No place is this many hours from UTC.
_MOST_HOURS = 15


@cache
def _time_zones() -> frozenset[str]:
    # listing them reads several folders, and a mapping is applied to every batch
    return frozenset(zoneinfo.available_timezones())


@requires_expression
def parse_date(
    text: pl.Expr, /, *, formats: Sequence[str] = (), locale: str | None = None
) -> pl.Expr:
    """Return the dates of texts, as Date.

    Args:
        text: An expression of texts such as `2024-10-11`, `11 oktober 2019` or
            `Oct. 3rd, 2020`.
        formats: The only formats to read (`%d/%m/%Y`); `%B` and `%b` stand for a
            month's name in the language of `locale`. Without any, ISO dates, also
            with the time of midnight, and dates with a month's name are read, and
            day before month where the locale's language writes it so.
        locale: `nl`, `en`, `de`, `fr` or `pl`; month names of all by default.

    Raises:
        ConfigError: A format cannot be used, or the locale is not known.
    """
    month_numbers(locale)
    shapes = as_words("formats", formats)
    check_formats(shapes, locale=locale, of_moments=False)
    if shapes:
        read = partial(day_by_formats, formats=shapes, locale=locale)
    else:
        read = partial(_free_day, locale=locale)
        text = text.str.replace(_MIDNIGHT, "$1")
    return text.map_batches(read, return_dtype=pl.Date())


@requires_expression
def parse_timestamp(
    text: pl.Expr,
    /,
    *,
    formats: Sequence[str] = (),
    locale: str | None = None,
    time_zone: str = "UTC",
) -> pl.Expr:
    """Return the moments of texts, as Datetime in UTC with microseconds.

    Digits beyond microseconds are cut off. A date alone is its first moment.

    Args:
        text: An expression of texts such as `2024-10-11T10:00:00+02:00` or
            `11 oktober 2019 10:00`.
        formats: The only formats to read; `%#z` stands for an offset, and `epoch`,
            `epoch_ms` and `epoch_us` for the time since 1970.
        locale: The language of month names.
        time_zone: The zone of texts without an offset, such as
            `Europe/Amsterdam`. A time that occurs twice is the earlier one, a
            time that the clock skips is none.

    Raises:
        ConfigError: A format cannot be used, or the zone or the locale is not known.
    """
    if time_zone not in _time_zones():
        msg = f"time zone {time_zone!r} is not known: give one such as Europe/Amsterdam"
        raise ConfigError(msg)
    month_numbers(locale)
    shapes = as_words("formats", formats)
    check_formats(shapes, locale=locale, of_moments=True)
    if shapes:
        read = partial(
            moment_by_formats, formats=shapes, locale=locale, time_zone=time_zone
        )
    else:
        read = partial(_free_moment, locale=locale, time_zone=time_zone)
    return text.map_batches(read, return_dtype=pl.Datetime("us", "UTC"))


def in_utc(moment: pl.Expr, dtype: pl.DataType, /, *, time_zone: str) -> pl.Expr:
    """Return the moments of naive times and days of a zone; others stay as they are."""
    if dtype == pl.Date:
        moment = moment.cast(pl.Datetime("us"))
    elif not isinstance(dtype, pl.Datetime) or dtype.time_zone is not None:
        return moment
    return to_utc(moment, time_zone)


def _free_day(text: pl.Series, *, locale: str | None) -> pl.Series:
    tidy = tidy_texts(text)
    day_first = language_of(locale) in _DAY_FIRST_LANGUAGES
    result = read_by_formats(tidy, to_date, _ISO + (_DAY_FIRST if day_first else ()))
    return null_implausible(
        fill_missing(result, tidy, partial(_named_day, locale=locale))
    )


def _named_day(text: pl.Series, *, locale: str | None) -> pl.Series:
    marked = mark_months(text, locale)
    for pattern, replacement in _FILLER_PATTERNS:
        marked = marked.str.replace(pattern, replacement)
    return read_by_formats(marked, to_date, _NAMED)


def _free_moment(text: pl.Series, *, locale: str | None, time_zone: str) -> pl.Series:
    parts = tidy_texts(text).alias("text").to_frame()
    names = ("day", "clock", "half", "offset")
    parts = parts.with_columns(
        pl.col("text").str.extract(_MOMENT, number).alias(name)
        for number, name in enumerate(names, 1)
    )
    has_clock = pl.col("clock").is_not_null()
    day = parts.select(pl.when(has_clock).then("day").otherwise("text")).to_series()
    parts = parts.with_columns(
        _free_day(day, locale=locale).alias("date"),
        _clock(pl.col("clock"), pl.col("half")).alias("time"),
    )
    time = pl.when(has_clock).then("time").otherwise(pl.time(0, 0, 0))
    parts = parts.with_columns(pl.col("date").dt.combine(time).alias("naive"))
    offset, naive = pl.col("offset"), pl.col("naive")
    in_utc = naive.dt.replace_time_zone("UTC") - _offset(offset)
    moment = pl.when(offset.is_not_null()).then(in_utc)
    found = parts.select(moment.otherwise(to_utc(naive, time_zone)).alias(text.name))
    return found.to_series()


def _clock(clock: pl.Expr, half: pl.Expr) -> pl.Expr:
    digits = clock.str.replace(r"^(\d+)[.h]", "$1:").str.replace(",", ".", literal=True)
    whole = (
        pl.when(digits.str.count_matches(":") == 1)
        .then(digits + ":00")
        .otherwise(digits)
    )
    by_half = (
        whole + " " + half.str.replace_all(".", "", literal=True).str.to_uppercase()
    )
    return pl.coalesce(
        pl.when(half.is_null()).then(whole).str.to_time("%H:%M:%S%.f", strict=False),
        by_half.str.to_time("%I:%M:%S%.f %p", strict=False),
    )


def _offset(offset: pl.Expr) -> pl.Expr:
    """Return offsets such as `Z`, `+02`, `+0200` and `+02:00` as durations."""
    sign = pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    hours = offset.str.extract(r"(\d{2})", 1).cast(pl.Int64).fill_null(0)
    minutes = offset.str.extract(r"\d{2}:?(\d{2})", 1).cast(pl.Int64).fill_null(0)
    exists = (hours < _MOST_HOURS) & (minutes < 60)
    length = pl.when(exists).then(sign * (hours * 60 + minutes))
    return pl.duration(minutes=length, time_unit="us")
