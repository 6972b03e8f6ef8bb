"""Numbers out of texts: `1.234,50`, `1,234.50`, `€ 400.000 k.k.`, `91 m²`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import polars as pl

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

DecimalMark = Literal[".", ","]

#: Digits and what may stand between them; a text with a second number names none.
_ONE_NUMBER = r"^[^\d]*(\d(?:[\d.,'\u2019\s_]*\d)?)[^\d]*$"
#: A minus counts at the start, or where a space or a currency sign goes before it.
_NEGATIVE = (
    r"^\s*[-\u2212]\s?(?:\p{Sc}\s?)?\d"
    r"|[\s\p{Sc}][-\u2212](?:\p{Sc}\s?)?\d"
    r"|^\s*\(\s*\p{Sc}?\s?\d.*\)\s*$"
)
#: Above this, a double no longer holds every whole number.
FLOAT_WHOLE = 2.0**53
#: The 2 of m2 is no number of its own.
_UNIT_POWER = r"(\p{L})[23]\b"

#: Square metres of one unit, by what its name looks like.
AREA_UNITS: Mapping[str, float] = {
    r"ha\b|hectares?\b|hektar\w*": 10_000.0,
    r"km(?:²|2)|square kilomet\w+": 1_000_000.0,
    # the international foot is 0.3048 m, the yard three of them
    r"ft(?:²|2)|sq\.?\s*ft\.?|sqft|square f(?:ee|oo)t": 0.3048**2,
    r"sq\.?\s*yd\.?|square yards?": 0.9144**2,
    r"acres?\b": 4046.8564224,
    r"m(?:²|2)|sq\.?\s*m\b|sqm|qm\b|square met\w+|vierkante meter|mkw\b": 1.0,
}


def parse_number(text: pl.Expr, /, *, decimal: DecimalMark | None = None) -> pl.Expr:
    """Return the one number of a text as Float64, with words or signs around it.

    The last of two different separators is the decimal mark. A single separator
    before exactly three digits parts thousands (`1.234` is 1234, `0.125` is not)
    unless `decimal` says which one is the mark.

    Args:
        text: Texts.
        decimal: The decimal mark, where it is known.
    """
    value = _plain_number(text, decimal).cast(pl.Float64, strict=False)
    return pl.when(value.abs() < FLOAT_WHOLE).then(value)


def parse_integer(text: pl.Expr, /, *, decimal: DecimalMark | None = None) -> pl.Expr:
    """Return the one whole number of a text as Int64; `3.0` is whole, `3.5` is not.

    Args:
        text: Texts.
        decimal: The decimal mark, where it is known.
    """
    plain = _plain_number(text, decimal)
    return plain.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)


def parse_money(
    text: pl.Expr, /, *, decimal: DecimalMark | None = None, scale: int = 2
) -> pl.Expr:
    """Return the one amount of a text as a decimal of 18 digits.

    Args:
        text: Texts such as `€ 1.234,50 per maand`, `$1,234.50` or `€ 500,-`.
        decimal: The decimal mark, where it is known.
        scale: Digits after the mark; an amount with more of them is no money.
    """
    plain = _plain_number(text, decimal)
    whole = pl.when(~plain.str.contains(rf"\.\d{{{scale}}}\d*[1-9]")).then(plain)
    return whole.cast(pl.Decimal(MONEY_DIGITS, scale), strict=False)


#: A 64-bit count of the smallest coin: 10,000 million million euros.
MONEY_DIGITS = 18


def parse_area(
    text: pl.Expr, /, *, decimal: DecimalMark | None = None, unit: str = "m2"
) -> pl.Expr:
    """Return the one area of a text in square metres, as Float64.

    Args:
        text: Texts such as `91 m²`, `1.234 m2`, `0,5 ha` or `979 sq ft`.
        decimal: The decimal mark, where it is known.
        unit: The unit of texts that name none.
    """
    named = text.str.extract(r"(?i)\d[\s.,-]*(\p{L}.*)$", 1).str.to_lowercase()
    given = pl.when(named.is_null()).then(pl.lit(_unit_size(unit)))
    sizes = [
        pl.when(named.str.contains(f"^(?:{name})")).then(pl.lit(size))
        for name, size in AREA_UNITS.items()
    ]
    return parse_number(text, decimal=decimal) * pl.coalesce([given, *sizes])


def _unit_size(unit: str) -> float:
    for name, size in AREA_UNITS.items():
        if re.match(f"(?:{name})", unit.lower()):
            return size
    msg = f"unit {unit!r} is not known: give m2, ha, km2, sqft, sq yd or acre"
    raise ConfigError(msg)


def _plain_number(text: pl.Expr, decimal: DecimalMark | None) -> pl.Expr:
    """Return the number as `-1234.5`: a minus, digits, one point."""
    bare = text.str.replace_all(_UNIT_POWER, "$1")
    digits = bare.str.extract(_ONE_NUMBER, 1)
    size = _without_groups(digits, decimal)
    negative = size.str.replace("^", "-")
    return pl.when(bare.str.contains(_NEGATIVE)).then(negative).otherwise(size)


def _without_groups(digits: pl.Expr, decimal: DecimalMark | None) -> pl.Expr:
    if decimal not in (None, ".", ","):
        msg = f"decimal {decimal!r} is no decimal mark: give '.' or ','"
        raise ConfigError(msg)
    if decimal is not None:
        group = rf"[{',' if decimal == '.' else '.'}\s'\u2019_]"
        return pl.coalesce(
            _grouped(digits, group, re.escape(decimal)),
            _ungrouped(digits, re.escape(decimal)),
        )
    return pl.coalesce(
        _grouped(digits, r"\.", ","),
        _grouped(digits, ",", r"\."),
        _grouped(digits, r"[\s'\u2019_]", "[.,]"),
        _ungrouped(digits, "[.,]"),
    )


def _grouped(digits: pl.Expr, group: str, mark: str) -> pl.Expr:
    """Return digits in groups of three as a plain number, null where they are not."""
    shape = rf"^[1-9]\d{{0,2}}(?:{group}\d{{3}})+(?:{mark}\d+)?$"
    plain = digits.str.replace_all(group, "").str.replace(mark, ".")
    return pl.when(digits.str.contains(shape)).then(plain)


def _ungrouped(digits: pl.Expr, mark: str) -> pl.Expr:
    fits = digits.str.contains(rf"^\d+(?:{mark}\d+)?$")
    return pl.when(fits).then(digits.str.replace(mark, "."))
