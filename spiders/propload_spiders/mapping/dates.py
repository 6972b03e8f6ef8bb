"""Parse days, timestamps, durations and build years, as Polars expressions."""

from __future__ import annotations

import polars as pl

from propload.prepare.parsers import parse_date, parse_timestamp

_NUMBER_AND_UNIT = r"(?i)^(\d{1,3})(½)?\s*(?:UNITS)(?:\s+(?:geleden|ago))?$"
#: Patterns of units, by the letters of Polars' durations.
_UNITS = {
    "d": "dag(?:en)?|days?",
    "w": "we(?:ek|ken)|weeks?",
    "mo": "maand(?:en)?|months?",
    "y": "ja(?:ar|ren)|years?",
}
#: Days of each unit for durations; a month has 30.4 on average.
_DAYS = {"d": 1, "w": 7, "mo": 30, "y": 365}


def moments(texts: pl.Series, /) -> pl.Series:
    """Return timestamps in UTC; one without a time zone is taken as UTC.

    The form that spiders write is tried first. Other forms take many times as long and
    are tried only if there are any.
    """
    iso = texts.str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False
    )
    if iso.null_count() == texts.null_count():
        return iso
    frame = texts.alias("text").to_frame()
    return frame.select(parse_timestamp(pl.col("text"))).to_series()


def local_day(moment: pl.Expr) -> pl.Expr:
    """Return the date of a timestamp in the Netherlands."""
    return moment.dt.convert_time_zone("Europe/Amsterdam").dt.date()


def day(text: pl.Expr, today: pl.Expr) -> pl.Expr:
    """Return the day of `20 april 2026`, `March 11, 2022`, `3 weken` or a timestamp.

    Args:
        text: Clean text.
        today: The day on which the page was read, from which `Vandaag` and `3 weken`
            count back.
    """
    return pl.coalesce(_written_day(text), _relative_day(text, today))


def _written_day(text: pl.Expr) -> pl.Expr:
    # the day of a timestamp is that of its own time zone, so it is not converted
    iso = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}.*$", "$1")
    # Dutch pages write 1-11-2019; English ones write months as words
    return pl.coalesce(parse_date(iso), parse_date(iso, formats=["%d-%m-%Y"]))


def _relative_day(text: pl.Expr, today: pl.Expr) -> pl.Expr:
    lower = text.str.to_lowercase()
    return pl.coalesce(
        pl.when(lower.is_in(["vandaag", "today"])).then(today),
        pl.when(lower.is_in(["gisteren", "yesterday"])).then(today.dt.offset_by("-1d")),
        *(_back(text, today, unit) for unit in _UNITS),
    )


def _back(text: pl.Expr, today: pl.Expr, unit: str) -> pl.Expr:
    number, has_half = _number_of(text, unit)
    whole = pl.concat_str(pl.lit("-"), number, pl.lit(unit))
    # ½ goes back a further half unit
    half = pl.when(has_half).then(pl.lit(f"-{_DAYS[unit] // 2}d"))
    return today.dt.offset_by(whole).dt.offset_by(half.otherwise(pl.lit("0d")))


def _number_of(text: pl.Expr, unit: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the number before a unit in a text, and whether ½ follows it."""
    pattern = _NUMBER_AND_UNIT.replace("UNITS", _UNITS[unit])
    return text.str.extract(pattern, 1), text.str.extract(pattern, 2).is_not_null()


def days(text: pl.Expr) -> pl.Expr:
    """Return the number of days of `4 weken`, `2½ maand` or a bare number."""
    numbers = {unit: _number_of(text, unit) for unit in _DAYS}
    lengths = [
        number.cast(pl.Int32, strict=False) * _DAYS[unit]
        + pl.when(has_half).then(_DAYS[unit] // 2).otherwise(0)
        for unit, (number, has_half) in numbers.items()
    ]
    bare = text.str.extract(r"^(\d{1,5})(?:\.0+)?$", 1).cast(pl.Int32, strict=False)
    return pl.coalesce(*lengths, bare).cast(pl.Int32)


_YEAR = r"(\d{4})(?:\.0+)?"
_BEFORE = rf"(?i)^(?:voor|vóór|before)\s+{_YEAR}$"
_AFTER = rf"(?i)^(?:na|after)\s+{_YEAR}$"
_RANGE = rf"^{_YEAR}\s*(?:-|\u2013|tot|to)\s*{_YEAR}$"
#: Texts that stand for more than one year.
SPAN_OF_YEARS = f"{_BEFORE}|{_AFTER}|{_RANGE}"


def build_year(text: pl.Expr) -> pl.Expr:
    """Return the year of `1922`; null for a range."""
    return _int16(text.str.extract(rf"^{_YEAR}$", 1))


def first_build_year(text: pl.Expr) -> pl.Expr:
    """Return the first year of `1931-1944`, `1922` and `na 2020` (2021)."""
    return pl.coalesce(
        build_year(text),
        _int16(text.str.extract(_RANGE, 1)),
        _int16(text.str.extract(_AFTER, 1)) + 1,
    ).cast(pl.Int16)


def last_build_year(text: pl.Expr) -> pl.Expr:
    """Return the last year of `1931-1944`, `1922` and `voor 1906` (1905)."""
    return pl.coalesce(
        build_year(text),
        _int16(text.str.extract(_RANGE, 2)),
        _int16(text.str.extract(_BEFORE, 1)) - 1,
    ).cast(pl.Int16)


def _int16(text: pl.Expr) -> pl.Expr:
    return text.cast(pl.Int16, strict=False)
