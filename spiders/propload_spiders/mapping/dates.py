"""Days, moments, durations and build years out of texts, as Polars expressions."""

from __future__ import annotations

import polars as pl

#: Month names of Dutch and English pages by their first letters, which differ.
_MONTHS = {
    "01": "jan",
    "02": "feb",
    "03": "mar|maa|mrt",
    "04": "apr",
    "05": "may|mei",
    "06": "jun",
    "07": "jul",
    "08": "aug",
    "09": "sep",
    "10": "oct|okt",
    "11": "nov",
    "12": "dec",
}
_MONTH = r"([a-z]{3})[a-z]*\.?"
_NUMBER_AND_UNIT = r"(?i)^(\d{1,3})(½)?\s*(?:UNITS)(?:\s+(?:geleden|ago))?$"
#: Units by the letters of Polars' durations.
_UNITS = {
    "d": "dag(?:en)?|days?",
    "w": "we(?:ek|ken)|weeks?",
    "mo": "maand(?:en)?|months?",
    "y": "ja(?:ar|ren)|years?",
}
#: Days of a unit where only a length is asked for; a month's mean is 30.4.
_DAYS = {"d": 1, "w": 7, "mo": 30, "y": 365}

_MOMENT = (
    r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,6})?\d*"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?$"
)


def day(text: pl.Expr, seen: pl.Expr) -> pl.Expr:
    """Return the day of `20 april 2026`, `March 11, 2022`, `3 weken` or a timestamp.

    Args:
        text: Clean text.
        seen: When the page was read: what `Vandaag` and `3 weken` count back from.
    """
    today = seen.dt.convert_time_zone("Europe/Amsterdam").dt.date()
    return pl.coalesce(_written_day(text), _relative_day(text, today))


def _written_day(text: pl.Expr) -> pl.Expr:
    lower = text.str.to_lowercase()
    weekday = lower.str.replace(r"^[a-z]+day,\s*|^[a-z]+dag\s+", "")
    # the day of a timestamp is that of its own zone: no shift
    iso = text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}.*)?$", 1)
    dashed = text.str.extract(r"^(\d{1,2}-\d{1,2}-\d{4})$", 1)
    return pl.coalesce(
        iso.str.to_date("%Y-%m-%d", strict=False),
        dashed.str.to_date("%d-%m-%Y", strict=False),
        _named_day(weekday, rf"^(\d{{1,2}})\s+{_MONTH}\s+(\d{{4}})$", (1, 2, 3)),
        _named_day(weekday, rf"^{_MONTH}\s+(\d{{1,2}}),?\s+(\d{{4}})$", (2, 1, 3)),
    )


def _named_day(text: pl.Expr, pattern: str, order: tuple[int, int, int]) -> pl.Expr:
    name = text.str.extract(pattern, order[1])
    month = pl.coalesce(
        pl.when(name.str.contains(f"^(?:{starts})")).then(pl.lit(digits))
        for digits, starts in _MONTHS.items()
    )
    parts = pl.concat_str(
        text.str.extract(pattern, order[2]),
        month,
        text.str.extract(pattern, order[0]),
        separator="-",
    )
    return parts.str.to_date("%Y-%m-%d", strict=False)


def _relative_day(text: pl.Expr, today: pl.Expr) -> pl.Expr:
    lower = text.str.to_lowercase()
    backs = [
        today.dt.offset_by(pl.concat_str(pl.lit("-"), _units(text, unit), pl.lit(unit)))
        # half a month or week further back
        .dt.offset_by(
            pl.when(_has_half(text, unit))
            .then(pl.lit(f"-{_DAYS[unit] // 2}d"))
            .otherwise(pl.lit("0d"))
        )
        for unit in _UNITS
    ]
    return pl.coalesce(
        pl.when(lower.is_in(["vandaag", "today"])).then(today),
        pl.when(lower.is_in(["gisteren", "yesterday"])).then(today.dt.offset_by("-1d")),
        *backs,
    )


def _units(text: pl.Expr, unit: str) -> pl.Expr:
    return text.str.extract(_NUMBER_AND_UNIT.replace("UNITS", _UNITS[unit]), 1)


def _has_half(text: pl.Expr, unit: str) -> pl.Expr:
    found = text.str.extract(_NUMBER_AND_UNIT.replace("UNITS", _UNITS[unit]), 2)
    return found.is_not_null()


def days(text: pl.Expr) -> pl.Expr:
    """Return the days of `4 weken`, `2½ maand` or a bare number."""
    lengths = [
        _units(text, unit).cast(pl.Int32, strict=False) * length
        + pl.when(_has_half(text, unit)).then(length // 2).otherwise(0)
        for unit, length in _DAYS.items()
    ]
    bare = text.str.extract(r"^(\d{1,5})(?:\.0+)?$", 1).cast(pl.Int32, strict=False)
    return pl.coalesce(*lengths, bare).cast(pl.Int32)


def moment(text: pl.Expr) -> pl.Expr:
    """Return an ISO 8601 timestamp in UTC; one without a zone is UTC already.

    More than six digits of a second are cut off; a day is its first moment.
    """
    part = [text.str.extract(_MOMENT, group) for group in range(6)]
    zone = part[5].str.replace("^(?:Z|UTC)$", "+00:00").fill_null("+00:00")
    whole = pl.concat_str(
        part[1],
        pl.lit("T"),
        part[2],
        part[3].fill_null(":00"),
        part[4].fill_null(""),
        zone,
    )
    midnight = pl.concat_str(
        text.str.extract(r"^(\d{4}-\d{2}-\d{2})$", 1), pl.lit("T00:00:00+00:00")
    )
    return pl.coalesce(whole, midnight).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False
    )


_YEAR = r"(\d{4})(?:\.0+)?"
_BEFORE = rf"(?i)^(?:voor|vóór|before)\s+{_YEAR}$"
_AFTER = rf"(?i)^(?:na|after)\s+{_YEAR}$"
_RANGE = rf"^{_YEAR}\s*(?:-|\u2013|tot|to)\s*{_YEAR}$"
#: Texts that name more years than one.
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
