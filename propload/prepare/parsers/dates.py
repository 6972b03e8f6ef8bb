"""Dates and moments out of texts: formats, month names, time zones."""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING

import polars as pl

from propload.errors import ConfigError
from propload.prepare.parsers.months import language_of, month_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

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
#: Seconds, milliseconds and microseconds since 1970, as formats of their own.
EPOCHS = {"epoch": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
#: `%Y` also reads the year 18 of "1/2/18"; nothing that is sold is that old.
FIRST_YEAR = 1000


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
    marked = _marked(text, locale)
    if not formats:
        return _plausible(_free_day(marked, locale))
    return _plausible(pl.coalesce([_day(marked, shape) for shape in formats]))


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
    if time_zone not in zoneinfo.available_timezones():
        msg = f"time zone {time_zone!r} is not known: give one such as Europe/Amsterdam"
        raise ConfigError(msg)
    marked = _marked(text, locale)
    if not formats:
        return _plausible(_free_moment(marked, locale, time_zone))
    moments = [_moment(marked, shape, time_zone) for shape in formats]
    return _plausible(pl.coalesce(moments))


def _marked(text: pl.Expr, locale: str | None) -> pl.Expr:
    """Return tidy texts with `@10@` in place of a month's name."""
    numbers = month_numbers(locale)
    names = "|".join(sorted(numbers, key=len, reverse=True))
    tidy = text.str.replace_all(r"\s+", " ").str.strip_chars()
    name = tidy.str.extract(rf"(?i)\b({names})\b", 1).str.to_lowercase()
    number = name.replace_strict(
        list(numbers), list(numbers.values()), default=None, return_dtype=pl.String
    )
    marked = tidy.str.replace(
        rf"(?i)\b(?:{names})\b\.?", pl.format("@{}@", number.fill_null(""))
    )
    return pl.when(number.is_null()).then(tidy).otherwise(marked)


def _plausible(moment: pl.Expr) -> pl.Expr:
    return pl.when(moment.dt.year() >= FIRST_YEAR).then(moment)


# ---- without formats ----


def _free_day(marked: pl.Expr, locale: str | None) -> pl.Expr:
    named = marked
    for pattern, instead in _FILLINGS:
        named = named.str.replace(pattern, instead)
    shapes = _ISO + (_DAY_FIRST if language_of(locale) in _DAY_FIRST_LANGUAGES else ())
    days = [marked.str.to_date(shape, strict=False) for shape in shapes]
    return pl.coalesce(
        days + [named.str.to_date(shape, strict=False) for shape in _NAMED]
    )


def _free_moment(marked: pl.Expr, locale: str | None, time_zone: str) -> pl.Expr:
    day, clock, half, offset = (
        marked.str.extract(_MOMENT, part) for part in range(1, 5)
    )
    has_clock = clock.is_not_null()
    date = _free_day(pl.when(has_clock).then(day).otherwise(marked), locale)
    midnight = pl.time(0, 0, 0)
    time = pl.when(has_clock).then(_clock(clock, half)).otherwise(midnight)
    naive = date.dt.combine(time, time_unit="us")
    in_utc = naive.dt.replace_time_zone("UTC") - _offset(offset)
    return (
        pl.when(offset.is_not_null()).then(in_utc).otherwise(_placed(naive, time_zone))
    )


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
    return pl.duration(minutes=sign * (hours * 60 + minutes), time_unit="us")


def _placed(naive: pl.Expr, time_zone: str) -> pl.Expr:
    placed = naive.dt.replace_time_zone(
        time_zone, ambiguous="earliest", non_existent="null"
    )
    return placed.dt.convert_time_zone("UTC")


# ---- with formats ----


def _day(marked: pl.Expr, shape: str) -> pl.Expr:
    text, shape = _without_weekday(marked, shape)
    if _has_clock(shape):
        return text.str.to_datetime(shape, time_unit="us", strict=False).dt.date()
    return text.str.to_date(shape, strict=False)


def _moment(marked: pl.Expr, shape: str, time_zone: str) -> pl.Expr:
    if shape in EPOCHS:
        count = marked.cast(pl.Int64, strict=False) * EPOCHS[shape]
        return count.cast(pl.Datetime("us", "UTC"))
    text, shape = _without_weekday(marked, shape)
    if "z" in shape:
        # an offset that is not there fails, and UTC's own is UTC
        return text.str.to_datetime(
            shape, time_unit="us", time_zone="UTC", strict=False
        )
    if _has_clock(shape):
        naive = text.str.to_datetime(shape, time_unit="us", strict=False)
    else:
        naive = text.str.to_date(shape, strict=False).cast(pl.Datetime("us"))
    return _placed(naive, time_zone)


def _has_clock(shape: str) -> bool:
    return any(part in shape for part in ("%H", "%I", "%T", "%R", "%k", "%l"))


def _without_weekday(text: pl.Expr, shape: str) -> tuple[pl.Expr, str]:
    shape = re.sub("%[Bbh]", _MARK, shape)
    bare = re.sub(r"^%[Aa]\.?,? *", "", shape)
    if bare == shape:
        return text, shape
    return text.str.replace(r"^\p{L}+\.?,? *", ""), bare
