"""Dates and moments out of texts: formats, month names, time zones."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache, partial
from typing import TYPE_CHECKING

import polars as pl

from propload.errors import ConfigError
from propload.prepare.parsers.months import language_of, month_numbers
from propload.prepare.text_in import FIRST_YEAR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Month names become `@10@`, so that `10 11` and `11 October` stay apart.
_MARK = "@%m@"
_NAMED = ("%d @%m@ %Y", "@%m@ %d %Y", "%Y @%m@ %d", "%d-@%m@-%Y")
#: Without a locale only years-first is not ambiguous.
_ISO = ("%Y-%m-%d", "%Y/%m/%d")
_DAY_FIRST = ("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%d %m %Y")
#: Languages in which a day goes before its month; English goes both ways.
_DAY_FIRST_LANGUAGES = ("nl", "de", "fr", "pl")
#: What goes around a day and the name of its month, and is no part of either.
_FILLINGS = (
    (r"^\p{L}+\.?,? ", ""),
    (r"^(?i:le|den|de|the) ", ""),
    (r"(\d)(?i:\.|st|nd|rd|th|er|e)? (?i:of |de )?@", "$1 @"),
    (r"@ (\d{1,2})(?i:st|nd|rd|th)?,? (\d{4})", "@ $1 $2"),
    (r"@,? (\d{4})\b", "@ $1"),
)
#: A day, a clock, perhaps its half of the day, perhaps an offset from UTC.
_MOMENT = (
    r"^(.*\d),?(?:T| (?i:om |at |um |à |o |godz\. |klokke )?)"
    r"(\d{1,2}[:.h]\d{2}(?::\d{2}(?:[.,]\d+)?)?)(?: ?([AaPp]\.?[Mm]\.?))?"
    r"(?: (?i:uur|uhr|h))? ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$"
)
#: The end of the year 9999 in microseconds: what is later counts in smaller parts.
_LAST_MOMENT = 253_402_300_799_999_999
#: Seconds, milliseconds and microseconds since 1970, as formats of their own.
EPOCHS = {"epoch": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
#: Stands for an offset where only the day counts.
_OFFSET_MARK = "@z@"
_WRITTEN_OFFSET = r"(?:Z|[+-]\d{2}:?(?:\d{2})?)$"
#: No place is more than so many hours from UTC.
_MOST_HOURS = 15


@cache
def _time_zones() -> frozenset[str]:
    # to list them reads several folders, and a mapping is applied to every batch
    return frozenset(zoneinfo.available_timezones())


def parse_date(
    text: pl.Expr, /, *, formats: Sequence[str] = (), locale: str | None = None
) -> pl.Expr:
    """Return the dates of texts, as Date.

    Args:
        text: Texts such as `2024-10-11`, `11 oktober 2019` or `Oct. 3rd, 2020`.
        formats: The only formats to read (`%d/%m/%Y`); `%B` and `%b` stand for a
            month's name in the language of `locale`. Without any, ISO dates and
            dates with a month's name are read, and day before month where the
            locale's language writes it so.
        locale: `nl`, `en`, `de`, `fr` or `pl`; month names of all by default.
    """
    month_numbers(locale)
    if formats:
        _check_formats(formats)
        read = partial(_day_by_formats, formats=tuple(formats), locale=locale)
    else:
        read = partial(_free_day, locale=locale)
    return text.map_batches(read, return_dtype=pl.Date())


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
        text: Texts such as `2024-10-11T10:00:00+02:00` or `11 oktober 2019 10:00`.
        formats: The only formats to read; `%#z` stands for an offset, and `epoch`,
            `epoch_ms` and `epoch_us` for the time since 1970.
        locale: The language of month names.
        time_zone: The zone of texts without an offset, such as
            `Europe/Amsterdam`. A time that occurs twice is the earlier one, a
            time that the clock skips is none.

    Raises:
        ConfigError: The zone or the locale is not known.
    """
    if time_zone not in _time_zones():
        msg = f"time zone {time_zone!r} is not known: give one such as Europe/Amsterdam"
        raise ConfigError(msg)
    month_numbers(locale)
    if formats:
        _check_formats(formats)
        read = partial(
            _moment_by_formats,
            formats=tuple(formats),
            locale=locale,
            time_zone=time_zone,
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
    return _placed(moment, time_zone)


#: Parts of a format that would be passed over, with what to write instead.
_UNREADABLE = {
    "%X": "%H:%M:%S",
    "%r": "%I:%M:%S %p",
    "%c": "%a %b %d %H:%M:%S %Y",
    "%x": "%m/%d/%y",
    "%+": "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%s": "epoch",
    "%Z": "no zone's name: one can mean several offsets",
}


def _check_formats(formats: Sequence[str]) -> None:
    for shape in formats:
        for part, instead in _UNREADABLE.items():
            if part in shape.replace("%%", ""):
                msg = f"format {shape!r}: {part} cannot be read, write {instead!r}"
                raise ConfigError(msg)


def _has_offset(shape: str) -> bool:
    return re.search("%(?:#|:{1,3})?z", shape) is not None


# The readers below take whole columns and go on with the texts that are left, so
# that a column of ISO dates never meets a month's name.


def _fill(
    found: pl.Series, text: pl.Series, read: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Return values with those that are missing read in another way."""
    left = found.is_null() & text.is_not_null()
    if not left.any():
        return found
    return found.clone().scatter(left.arg_true(), read(text.filter(left)))


def _apply(text: pl.Series, *steps: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return a column after some steps, each done once."""
    for step in steps:
        text = text.to_frame().select(step(pl.first())).to_series()
    return text


def _tidy(text: pl.Series) -> pl.Series:
    return _apply(text, lambda one: one.str.replace_all(r"\s+", " ").str.strip_chars())


def _marked(text: pl.Series, locale: str | None) -> pl.Series:
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


def _plausible(moment: pl.Series) -> pl.Series:
    return _apply(moment, lambda one: pl.when(one.dt.year() >= FIRST_YEAR).then(one))


# ---- without formats ----


def _free_day(text: pl.Series, *, locale: str | None) -> pl.Series:
    tidy = _tidy(text)
    day_first = language_of(locale) in _DAY_FIRST_LANGUAGES
    found = pl.Series(text.name, [None], dtype=pl.Date).new_from_index(0, text.len())
    for shape in _ISO + (_DAY_FIRST if day_first else ()):
        found = _fill(found, tidy, partial(_to_date, shape=shape))
    return _plausible(_fill(found, tidy, partial(_named_day, locale=locale)))


def _to_date(text: pl.Series, *, shape: str) -> pl.Series:
    return text.str.to_date(shape, strict=False)


def _named_day(text: pl.Series, *, locale: str | None) -> pl.Series:
    marked = _marked(text, locale)
    for pattern, instead in _FILLINGS:
        marked = _apply(marked, partial(_replaced, pattern=pattern, instead=instead))
    found = _to_date(marked, shape=_NAMED[0])
    for shape in _NAMED[1:]:
        found = _fill(found, marked, partial(_to_date, shape=shape))
    return found


def _replaced(text: pl.Expr, *, pattern: str, instead: str) -> pl.Expr:
    return text.str.replace(pattern, instead)


def _free_moment(text: pl.Series, *, locale: str | None, time_zone: str) -> pl.Series:
    parts = _tidy(text).alias("text").to_frame()
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
    found = parts.select(moment.otherwise(_placed(naive, time_zone)).alias(text.name))
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


def _placed(naive: pl.Expr, time_zone: str) -> pl.Expr:
    placed = naive.dt.replace_time_zone(
        time_zone, ambiguous="earliest", non_existent="null"
    )
    return placed.dt.convert_time_zone("UTC")


# ---- with formats ----


def _day_by_formats(
    text: pl.Series, *, formats: Sequence[str], locale: str | None
) -> pl.Series:
    marked = _for_formats(text, formats, locale)
    found = _day(marked, shape=formats[0])
    for shape in formats[1:]:
        found = _fill(found, marked, partial(_day, shape=shape))
    return _plausible(found).alias(text.name)


def _moment_by_formats(
    text: pl.Series, *, formats: Sequence[str], locale: str | None, time_zone: str
) -> pl.Series:
    marked = _for_formats(text, formats, locale)
    found = _moment(marked, shape=formats[0], time_zone=time_zone)
    for shape in formats[1:]:
        read = partial(_moment, shape=shape, time_zone=time_zone)
        found = _fill(found, marked, read)
    return _plausible(found).alias(text.name)


def _for_formats(
    text: pl.Series, formats: Sequence[str], locale: str | None
) -> pl.Series:
    tidy = _tidy(text)
    named = any(re.search("%[Bbh]", shape) for shape in formats)
    return _marked(tidy, locale) if named else tidy


def _day(text: pl.Series, *, shape: str) -> pl.Series:
    text, shape = _without_weekday(text, shape)
    if _has_clock(shape):
        # the day is the one that is written, not that of another place in UTC
        shape = re.sub("%(?:#|:{1,3})?z", _OFFSET_MARK, shape)
        if _OFFSET_MARK in shape:
            text = _apply(
                text, lambda one: one.str.replace(_WRITTEN_OFFSET, _OFFSET_MARK)
            )
        return text.str.to_datetime(shape, time_unit="us", strict=False).dt.date()
    return _to_date(text, shape=shape)


def _moment(text: pl.Series, *, shape: str, time_zone: str) -> pl.Series:
    if shape in EPOCHS:
        count = text.cast(pl.Int64, strict=False)
        most = _LAST_MOMENT // EPOCHS[shape]
        count = count.set(~count.is_between(-most, most), None) * EPOCHS[shape]
        return count.cast(pl.Datetime("us", "UTC"))
    text, shape = _without_weekday(text, shape)
    if _has_offset(shape):
        return text.str.to_datetime(
            shape, time_unit="us", time_zone="UTC", strict=False
        )
    if _has_clock(shape):
        naive = text.str.to_datetime(shape, time_unit="us", strict=False)
    else:
        naive = _to_date(text, shape=shape).cast(pl.Datetime("us"))
    return _apply(naive, partial(_placed, time_zone=time_zone))


def _has_clock(shape: str) -> bool:
    return any(part in shape for part in ("%H", "%I", "%T", "%R", "%k", "%l"))


def _without_weekday(text: pl.Series, shape: str) -> tuple[pl.Series, str]:
    shape = re.sub("%[Bbh]", _MARK, shape)
    bare = re.sub(r"^%[Aa]\.?,? *", "", shape)
    if bare == shape:
        return text, shape
    return _apply(text, lambda one: one.str.replace(r"^\p{L}+\.?,? *", "")), bare
