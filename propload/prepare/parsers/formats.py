"""Dates and moments out of texts of given formats."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, cast

import polars as pl

from propload.errors import ConfigError
from propload.prepare.parsers.months import language_of
from propload.prepare.parsers.stepwise import (
    MONTH_MARK,
    apply,
    mark_months,
    null_implausible,
    read_by_formats,
    tidy_texts,
    to_date,
    to_utc,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

#: The end of the year 9999 in microseconds: a larger count has a smaller unit.
_LAST_MOMENT = 253_402_300_799_999_999
#: Seconds, milliseconds and microseconds since 1970, as formats of their own.
EPOCHS = {"epoch": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
#: Stands for an offset where only the day counts.
_OFFSET_MARK = "@z@"
_WRITTEN_OFFSET = r"(?:Z|[+-]\d{2}:?(?:\d{2})?)$"
#: Parts of a format that would be ignored, with what to write instead.
_UNREADABLE = {
    "%X": "%H:%M:%S",
    "%r": "%I:%M:%S %p",
    "%c": "%a %b %d %H:%M:%S %Y",
    "%x": "%m/%d/%y",
    "%+": "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%s": "epoch",
    "%Z": "no zone's name: one can mean several offsets",
}


#: A moment to try formats on: no two of its numbers are the same.
_SAMPLE = datetime(2024, 10, 23, 21, 43, 5)  # noqa: DTZ001 - formats bring a zone or not
_OFFSET = "%(?:#|:{1,3})?z"
#: No place is 15 hours from UTC. Such an offset stands at the end, or apart from its
#: surroundings.
_FAR = r"[-+\u2212](?:1[5-9]|2\d)\s*:?\s*(?:\d{2})?"
_FAR_AT_END = rf"{_FAR}$"
_FAR_APART = rf"(?:^|\s){_FAR}\s"


@lru_cache
def check_formats(
    formats: tuple[str, ...], *, locale: str | None, of_moments: bool
) -> None:
    """Refuse formats that no text can fit: they would refuse or empty every row.

    Args:
        formats: What texts look like.
        locale: The language of names.
        of_moments: Whether moments are read, not days.

    Raises:
        ConfigError: A format is no format, or names no whole date.
    """
    for shape in formats:
        for part, replacement in _UNREADABLE.items():
            if part in shape.replace("%%", ""):
                msg = f"format {shape!r}: {part} cannot be read, write {replacement!r}"
                raise ConfigError(msg)
        if of_moments and shape in EPOCHS:
            continue
        _check_weekday(shape, locale)
        if _sample_day(shape, of_moments=of_moments) != _SAMPLE.date():
            msg = (
                f"format {shape!r} can read no date: it needs a day, a month and a "
                "year, such as '%d-%m-%Y'; a clock also hours and minutes "
                "(%H:%M, or %I:%M %p)"
            )
            raise ConfigError(msg)


def _check_weekday(shape: str, locale: str | None) -> None:
    # at the start any word will do; elsewhere only English ones are known
    if re.search("(?<!^)%[Aa]", shape) and language_of(locale) not in (None, "en"):
        msg = (
            f"format {shape!r}: a weekday that is not English is read at the start "
            "only, not behind other parts"
        )
        raise ConfigError(msg)


def _sample_day(shape: str, *, of_moments: bool) -> date | None:
    """Return the day that a format reads from a text that it wrote itself.

    Raises:
        ConfigError: The format has parts that are not known.
    """
    without_names = re.sub("%[Bbh]", MONTH_MARK, re.sub(_OFFSET, "+00:00", shape))
    try:
        text = pl.Series([_SAMPLE]).dt.strftime(without_names)
    except pl.exceptions.PolarsError as error:
        msg = (
            f"format {shape!r} has a part that is not known: known are those of "
            "chrono, such as %Y, %m, %d, %B, %H, %M and %S"
        )
        raise ConfigError(msg) from error
    try:
        if of_moments:
            return cast(
                "date", _moment(text, shape=shape, time_zone="UTC").dt.date()[0]
            )
        return cast("date", _day(text, shape=shape)[0])
    except pl.exceptions.PolarsError:
        return None


def day_by_formats(
    text: pl.Series, *, formats: Sequence[str], locale: str | None
) -> pl.Series:
    """Return the days of texts, read by the first format that fits each."""
    marked = _for_formats(text, formats, locale)
    return null_implausible(read_by_formats(marked, _day, formats)).alias(text.name)


def moment_by_formats(
    text: pl.Series, *, formats: Sequence[str], locale: str | None, time_zone: str
) -> pl.Series:
    """Return the moments of texts, read by the first format that fits each."""
    marked = _for_formats(text, formats, locale)
    moments = read_by_formats(marked, partial(_moment, time_zone=time_zone), formats)
    return null_implausible(moments).alias(text.name)


def _for_formats(
    text: pl.Series, formats: Sequence[str], locale: str | None
) -> pl.Series:
    tidy = tidy_texts(text)
    named = any(re.search("%[Bbh]", shape) for shape in formats)
    return mark_months(tidy, locale) if named else tidy


def _day(text: pl.Series, *, shape: str) -> pl.Series:
    text, shape = _without_weekday(text, shape)
    if _has_clock(shape):
        # the day as it is written, not as it is in UTC
        shape = re.sub(_OFFSET, _OFFSET_MARK, shape)
        if _OFFSET_MARK in shape:
            text = text.str.replace(_WRITTEN_OFFSET, _OFFSET_MARK)
        return text.str.to_datetime(shape, time_unit="us", strict=False).dt.date()
    return to_date(text, shape=shape)


def _moment(text: pl.Series, *, shape: str, time_zone: str) -> pl.Series:
    if shape in EPOCHS:
        # programs without missing integers write 3 as 3.0
        whole = text.str.replace(r"^(-?\d+)\.0*$", "$1")
        count = whole.cast(pl.Int64, strict=False)
        most = _LAST_MOMENT // EPOCHS[shape]
        count = count.set(~count.is_between(-most, most), None) * EPOCHS[shape]
        return count.cast(pl.Datetime("us", "UTC"))
    text, shape = _without_weekday(text, shape)
    if re.search(_OFFSET, shape):
        moments = text.str.to_datetime(
            shape, time_unit="us", time_zone="UTC", strict=False
        )
        is_last = re.search(f"{_OFFSET}$", shape)
        far = text.str.contains(_FAR_AT_END if is_last else _FAR_APART)
        return moments.set(far.fill_null(value=False), None)
    if _has_clock(shape):
        naive = text.str.to_datetime(shape, time_unit="us", strict=False)
    else:
        naive = to_date(text, shape=shape).cast(pl.Datetime("us"))
    return apply(naive, partial(to_utc, time_zone=time_zone))


def _has_clock(shape: str) -> bool:
    return any(part in shape for part in ("%H", "%I", "%T", "%R", "%k", "%l"))


def _without_weekday(text: pl.Series, shape: str) -> tuple[pl.Series, str]:
    shape = re.sub("%[Bbh]", MONTH_MARK, shape)
    bare = re.sub(r"^%[Aa]\.?,? *", "", shape)
    if bare == shape:
        return text, shape
    return text.str.replace(r"^\p{L}+\.?,? *", ""), bare
