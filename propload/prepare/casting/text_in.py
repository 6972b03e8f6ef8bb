"""Text as the types of a table, as PostgreSQL itself would read it.

Inferred types are read strictly: a text counts only if its value would be written the
same way again, so that no inference loses a leading zero or a digit.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import partial

import polars as pl

from propload.prepare.casting.conversions import SIGNIFICAND_BITS, Conversion, countable
from propload.values.temporal_text import UNITS

#: The words that PostgreSQL takes for a boolean.
PG_TRUE_WORDS = ("t", "true", "y", "yes", "on", "1")
PG_FALSE_WORDS = ("f", "false", "n", "no", "off", "0")

#: A small number with a power is what Python, pandas and PostgreSQL make of a double;
#: its mantissa has no more digits than a double needs. "2e-1" may be a house number.
INFERRED_FLOAT = (
    r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
    r"|[1-9](?:\.[0-9]{1,16})?e-(?:[0-9]{2}|[12][0-9]{2}))$"
)
#: Here the point may separate thousands as well as decimals.
GROUPED = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"
INFERRED_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
INFERRED_NAIVE = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?$"
)
INFERRED_ZONED = INFERRED_NAIVE[:-1] + r"(?:Z|[+-](?:0[0-9]|1[0-5])(?::?[0-9]{2})?)$"

#: Decimal digits that every double keeps.
FLOAT_DIGITS = 15
#: "2026-7-2 1:42:25.8657869": shorter texts have no digit beyond microseconds.
NANOSECOND_LENGTH = 24
#: `%Y` also reads the year 18 in "18-2-1": nobody can tell which century is meant, and
#: nothing that is sold is that old. It also reads years before Christ, which PostgreSQL
#: writes differently, and the year 0, which never was.
SHORT_YEAR = r"^-|^\d{1,3}-|^0000-"
#: How Python and Polars write a float that is a whole number of many digits.
_LARGE_FLOAT = r"^-?[0-9](?:\.[0-9]{1,17})?[eE]\+?1[6-8]$"
#: Holds those exactly.
_WHOLE = pl.Decimal(38, 17)
_POWER = r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"
#: Ends in an offset that PostgreSQL refuses: no clock is 16 hours from UTC.
_FAR_MOMENT = r":[0-9.]+\s*[-+\u2212](?:1[6-9]|2[0-9])\s*:?\s*(?:[0-9]{2})?$"
BEYOND_MICROSECONDS = r"\.[0-9]{6}[0-9]*[1-9]"
#: A schema may want coarser moments, and a cast would cut off what is finer.
_BEYOND_MILLISECONDS = r"\.[0-9]{3}[0-9]*[1-9]"

_NAIVE_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)
_ZONED_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f %#z",
    "%Y-%m-%d %H:%M%#z",
    "%Y-%m-%dT%H:%M%#z",
)


def read_text(  # noqa: PLR0911 - one return a type
    column: pl.Expr, target: pl.DataType
) -> Conversion | None:
    """Return how text becomes another type; None where it cannot.

    Args:
        column: A text column.
        target: The type wanted, not text.
    """
    if target.is_integer():
        return _integer(column, target)
    if target.is_float():
        return _float(column, target)
    if isinstance(target, pl.Decimal):
        return _decimal(column, target)
    if target == pl.Boolean:
        return _boolean(column)
    if target == pl.Date:
        return _date(column)
    if isinstance(target, pl.Datetime):
        return _datetime(column, target)
    if target == pl.Time:
        return _time(column)
    if isinstance(target, (pl.Categorical, pl.Enum)):
        return Conversion(column.cast(target, strict=False))
    return None


def read_inferred(column: pl.Expr, target: pl.DataType) -> Conversion:
    """Return how text becomes a type that was inferred from other texts."""
    reading = read_text(column, target)
    if reading is not None and target == pl.Int64:
        # writing numbers costs less than matching patterns
        return Conversion(reading.value, reading.value.cast(pl.String) != column)
    if reading is None or (pattern := _inferred_pattern(target)) is None:
        msg = f"{target} is never guessed"
        raise ValueError(msg)
    value, refused = reading.value, ~column.str.contains(pattern)
    if target.is_temporal():
        refused |= column.str.starts_with("0000-")
        # the retries of the other types read what they would not write
        retry = reading.retry if isinstance(target, pl.Datetime) else None
        return Conversion(value, refused, retry=retry)
    if target.is_float():
        # counting digits costs most; a short text needs none
        doubt = refused.any() | (column.str.len_bytes().max() > FLOAT_DIGITS)
        return Conversion(value, refused | _has_lost_digits(column, value), doubt)
    return Conversion(value, refused)


def _has_lost_digits(column: pl.Expr, value: pl.Expr) -> pl.Expr:
    """Return which texts have more digits than a double keeps, and lost some."""
    return (
        (_significant_digits(column) > FLOAT_DIGITS)
        & (value.cast(pl.String) != _without_last_zeros(column))
        # programs differ in when they write an exponent
        & ~column.str.contains("e", literal=True)
    )


def _inferred_pattern(target: pl.DataType) -> str | None:
    """Return what a text looks like that may be inferred to be of a type."""
    if isinstance(target, pl.Datetime):
        return INFERRED_NAIVE if target.time_zone is None else INFERRED_ZONED
    patterns: dict[pl.DataType, str] = {
        pl.Float64(): INFERRED_FLOAT,
        pl.Boolean(): "^(?:true|false|True|False|TRUE|FALSE)$",
        pl.Date(): INFERRED_DATE,
    }
    return patterns.get(target)


def _without_last_zeros(column: pl.Expr) -> pl.Expr:
    """Return decimals without trailing zeros, as doubles are written."""
    short = column.str.replace(r"(\.[0-9]*?)0+$", "$1")
    return short.str.replace(r"\.$", ".0")


def _significant_digits(column: pl.Expr) -> pl.Expr:
    # leading zeros are counted too: this is the most that there can be
    return column.str.len_bytes() - column.str.count_matches(r"[-.]")


def _integer(column: pl.Expr, target: pl.DataType) -> Conversion:
    text = column.str.strip_chars()
    # programs without missing integers write 3 as 3.0; 450.000 may mean thousands
    whole = pl.when(~text.str.contains(GROUPED)).then(
        text.str.replace(r"^([+-]?[0-9]+)\.0*$", "$1")
    )
    large = pl.when(text.str.contains(_LARGE_FLOAT)).then(text)
    return Conversion(
        text.cast(target, strict=False),
        retry=pl.coalesce(
            whole.cast(target, strict=False),
            large.cast(_WHOLE, strict=False).cast(target, strict=False),
            _truth(text).cast(target, strict=False),
        ),
    )


def _float(column: pl.Expr, target: pl.DataType) -> Conversion:
    """Read the nearest number; whole ones have to be exact.

    Few decimals have an exact binary number, and whoever stores 0.1 knows that. But a
    whole number that comes back as another one is a wrong id or count.
    """
    text = column.str.strip_chars()
    value = text.cast(target, strict=False)
    wide = text.cast(pl.Float64, strict=False)
    most = 2 ** SIGNIFICAND_BITS[str(target)]
    # in one expression: Polars computes each that names the number anew
    doubt = (~wide.abs().is_between(0, most, closed="none")).any()
    overflowed = value.is_infinite() & ~text.str.contains("(?i)inf")
    vanished = (value == 0) & text.str.contains(r"^[-+]?[0.]*[1-9]")
    is_whole = text.str.contains(r"^[-+]?[0-9]+(?:\.0*)?$")
    whole = text.str.replace(r"\.0*$", "").cast(pl.Int128, strict=False)
    same = (value.cast(pl.Int128, strict=False) == whole).fill_null(value=False)
    changed = (wide.abs() >= most) & is_whole & ~same
    refused = overflowed | vanished | changed
    return Conversion(value, refused, doubt, _truth(text).cast(target, strict=False))


def _decimal(column: pl.Expr, target: pl.Decimal) -> Conversion:
    text = column.str.strip_chars()
    # of a number with an exponent, Polars rounds what follows the last digit
    plain = pl.when(~text.str.contains("[eE]")).then(text)
    beyond = plain.str.contains(rf"\.[0-9]{{{target.scale}}}[0-9]*[1-9]")
    power = text.map_batches(partial(_read_powers, target=target), return_dtype=target)
    return Conversion(
        plain.cast(target, strict=False),
        beyond,
        retry=pl.coalesce(_truth(text).cast(target, strict=False), power),
    )


def _read_powers(texts: pl.Series, *, target: pl.Decimal) -> pl.Series:
    """Return the numbers of texts with an exponent, null where they are not exact."""
    context = Context(prec=target.precision, traps=[Inexact, InvalidOperation])
    last_digit = Decimal((0, (1,), -target.scale))
    numbers: list[Decimal | None] = []
    for text in pl.select(pl.when(texts.str.contains(_POWER)).then(texts)).to_series():
        try:
            number = text and Decimal(text).quantize(last_digit, context=context)
        except ArithmeticError:
            number = None
        numbers.append(number)
    return pl.Series(numbers, dtype=target)


def _boolean(column: pl.Expr) -> Conversion:
    word = column.str.strip_chars().str.to_lowercase()
    truth = pl.when(word.is_in(PG_TRUE_WORDS)).then(statement=True)
    number = word.str.replace(r"^([01])\.0+$", "$1")
    return Conversion(
        truth.when(word.is_in(PG_FALSE_WORDS)).then(statement=False),
        retry=pl.when(number == "1")
        .then(statement=True)
        .when(number == "0")
        .then(statement=False),
    )


def _truth(text: pl.Expr) -> pl.Expr:
    """Return booleans that are written among numbers as 1 and 0."""
    one, zero = pl.lit(1, pl.Int8), pl.lit(0, pl.Int8)
    return pl.when(text == "true").then(one).when(text == "false").then(zero)


def _date(column: pl.Expr) -> Conversion:
    text = column.str.strip_chars()
    zoned = pl.coalesce(_parse(text, shape, zoned=True) for shape in _ZONED_FORMATS[:2])
    odd = text.str.contains(BEYOND_MICROSECONDS) | text.str.contains(_FAR_MOMENT)
    exact = ~odd & (zoned.dt.truncate("1d") == zoned)
    midnight = text.str.replace(r"[ T]00:00(?::00(?:\.0+)?)?$", "")
    return Conversion(
        text.str.to_date("%Y-%m-%d", strict=False),
        text.str.contains(SHORT_YEAR),
        retry=pl.coalesce(
            midnight.str.to_date("%Y-%m-%d", strict=False),
            pl.when(exact).then(zoned.dt.date()),
        ),
    )


def _datetime(column: pl.Expr, target: pl.Datetime) -> Conversion:
    """Read ISO 8601 with or without an offset; without one it is UTC."""
    text = column.str.strip_chars()
    naive = [_parse(text, shape, zoned=False) for shape in _NAIVE_FORMATS]
    zoned = [_parse(text, shape, zoned=True) for shape in _ZONED_FORMATS]
    is_far = text.str.contains(_FAR_MOMENT)
    rest = pl.coalesce(*naive, pl.when(~is_far).then(pl.coalesce(zoned)))
    lengthy = text.str.len_bytes().max() >= NANOSECOND_LENGTH
    beyond = text.str.contains(BEYOND_MICROSECONDS)
    if target.time_unit == "ms":
        beyond = text.str.contains(_BEYOND_MILLISECONDS)
        lengthy = beyond.any()
    if target.time_zone is None:
        first, refused = pl.coalesce(naive[:2]), beyond
    else:
        first, refused = pl.coalesce(zoned[:2]), beyond | is_far
        lengthy |= is_far.any()
    short = text.str.contains(SHORT_YEAR)
    return Conversion(
        _in_zone(first, target),
        refused | short,
        # a pattern is searched for in a twentieth of the time that moments are read in
        lengthy | short.any(),
        _in_zone(rest, target),
    )


def _parse(text: pl.Expr, shape: str, *, zoned: bool) -> pl.Expr:
    moment = text.str.to_datetime(shape, time_unit="us", strict=False)
    return moment.dt.replace_time_zone(None) if zoned else moment


def _in_zone(moment: pl.Expr, target: pl.Datetime) -> pl.Expr:
    finer = max(1, UNITS[target.time_unit] // UNITS["us"])
    moment = countable(moment, finer).dt.cast_time_unit(target.time_unit)
    if target.time_zone is None:
        return moment
    return moment.dt.replace_time_zone("UTC").dt.convert_time_zone(target.time_zone)


def _time(column: pl.Expr) -> Conversion:
    text = column.str.strip_chars()
    beyond = text.str.contains(BEYOND_MICROSECONDS)
    return Conversion(
        text.str.to_time("%H:%M:%S%.f", strict=False),
        beyond,
        retry=text.str.to_time("%H:%M", strict=False),
    )
