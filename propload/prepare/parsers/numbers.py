"""Numbers out of texts: `1.234,50`, `1,234.50`, `€ 400.000 k.k.`, `91 m²`."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Literal

import polars as pl

from propload.errors import ConfigError
from propload.prepare.parsers.expressions import requires_expression
from propload.prepare.parsers.money_scale import MONEY_DIGITS, money_scale
from propload.prepare.parsers.stepwise import apply

if TYPE_CHECKING:
    from collections.abc import Mapping

DecimalMark = Literal[".", ","]

#: Digits and what may stand between them; a text with two numbers has no match.
_ONE_NUMBER = r"^[^\d]*(\d(?:[\d.,'\u2019\s_]*\d)?)[^\d]*$"
#: What is written for a minus: hyphens and dashes of all lengths as well.
_MINUS = r"[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]"
_CURRENCY = r"(?:(?:\p{Sc}|[A-Z]{3})\s?)?"
#: A minus counts at the start, or where a space or a currency goes before it;
#: bookkeepers write parentheses instead.
_NEGATIVE = (
    rf"^\s*{_CURRENCY}{_MINUS}\s*{_CURRENCY}\d"
    rf"|[\s\p{{Sc}}]{_MINUS}{_CURRENCY}\d"
    rf"|^\s*{_CURRENCY}\(\s*{_CURRENCY}\d.*\)\s*{_CURRENCY}$"
)
# `(?-u:\b)` below ends a word of ASCII letters: `\b`, which knows all letters, makes
# texts with a `€` ten times slower.

#: A minus or parentheses that may be a sign, or two signs: (-5), --5, -(5).
_UNCERTAIN_SIGN = (
    rf"^[^\p{{L}}\d]*{_MINUS}[^\p{{L}}\d]*\d"
    r"|^[^\p{L}\d]*\([^\p{L}\d]*\d[^\p{L}]*\)"
)
_TWO_SIGNS = rf"{_MINUS}[^\p{{L}}\d]*[{_MINUS}(][^\p{{L}}\d]*\d"
#: A number with a currency before it.
_PRICED = r"(?:\p{Sc}|EUR|USD|PLN)\s?\d[\d.,'\s]*"
#: What may make a reader see another number than the digits say.
_DOUBTFUL = "|".join(
    (
        _TWO_SIGNS,
        # 5½, 5²
        r"[\u00bc-\u00be\u2150-\u215f]|\d[\u00b2\u00b3\u00b9\u2070-\u2079]",
        # 500-, :-5, and parentheses of another width
        rf"\d\s*{_CURRENCY}{_MINUS}\s*$|[^\s\p{{L}}\d\p{{Sc}}]{_MINUS}\s?{_CURRENCY}\d",
        r"\uff08",
        # a bound: < 5, 100+
        r"[<>\u2264\u2265\u00b1]\s*\p{Sc}?\s*\d|\d\s?\+",
        # a part of a hundred or a thousand
        r"[%\u2030\uff05]|\d\s?(?i:procent|prozent|percent|per cent|promille?)",
        # words for a count that mean different counts in different places
        r"\d\s(?:M|MM)(?:$|[^\p{L}\d\u00b2\u00b3])",
        # a thousand, or part of k.k. (the buyer pays the costs)
        r"\d\s?[kK](?:\.|\s[kK])$",
        r"\d\s?(?i:mil|mill|millones|honderd|hundreds?|hundert)(?-u:\b)",
        r"\d\s?(?i:lakhs?|lacs?|crores?|trillions?|biljoen\w*|dozen|dozijn|dutzend)(?-u:\b)",
        # an amount in what may be millions: without a currency, `5 m` are metres
        rf"{_PRICED}(?:m[nmM]?|MM|B|T|tn)(?:$|[^\p{{L}}\d\u00b2\u00b3])",
        rf"{_PRICED}(?i:tons?|tonn?en)(?-u:\b)",
        r"\d\s?[mM](?:\p{Sc}|(?:EUR|USD|PLN)(?-u:\b))",
    )
)
#: An amount followed by one of these is a million for some, a hundredth for others,
#: or no amount at all but a size.
_NOT_MONEY = (
    r"\d\s?(?:"
    r"(?:m[nmM]?|M(?:M|EUR|USD|PLN)|B|T|tn)(?:$|[^\p{L}\d.])|[mM]\p{Sc}|m\.$"
    r"|(?i:tons?|tonn?en)(?-u:\b)"
    r"|(?:ct|cts|cents?|centen|gr|grosz\w*|pence|CR|DR|Cr|Dr)(?-u:\b)|p$|\u00a2"
    r"|\(?(?:[ck]?m[\u00b2\u00b32-3]?|mm|ha|ft\u00b2?|sq\.?\s?(?:ft|m))(?:$|[^\p{L}]))"
)
#: A number may begin with its decimal mark, but not behind a word: `no.5`.
_BARE_MARK = r"^((?:[^\d]*[\s\p{Sc}(+\-\u2212])?)([.,]\d)"
#: Words that count thousands and more, by the zeros that they stand for. A `k` ends
#: the text or its word (`k.k.` is none), and a metre is no million.
_MAGNITUDES: Mapping[str, int] = {
    r"\d\s?(?:[kK](?:$|[^\p{L}\d.])"
    r"|(?i:tys|tysi(?:ąc|ące|ąca|ęcy)|tsd|tausend|duizend|thousands?|mille)"
    r"(?-u:\b))": 3,
    r"\d(?:M(?:$|[^\p{L}\d.])"
    r"|\s?(?i:mln|mio|miljoen(?:en)?|milion(?:y|a|ów)?|million(?:s|en)?)(?-u:\b))": 6,
    r"\d\s?(?i:mld|mrd|bn|miljard(?:en)?|milliard(?:en|s)?|billions?)(?-u:\b)": 9,
}
#: Longer words that only begin like those: `millionaire`, `duizendste`.
_PSEUDO_MAGNITUDE = (
    r"\d\s?(?i:tysi|tausend|duizend|thousand|miljo|million|milion"
    r"|milliard|miljard|billion)\p{L}"
)
#: `1.375 million` is another number to a Dutch reader than to an English one.
_TWO_READINGS = r"^[1-9]\d{0,2}[.,]\d{3}$"
#: A word for a count is not the number's where it begins a name: `K-serie`, and with a
#: capital behind it (and behind a currency) `Million Dollar View`.
_COMPOUND = r"\d\s?\p{L}+-\p{L}"
_CURRENCY_BEHIND = (
    r"^(?:\p{Sc}|[A-Z]{3}(?-u:\b)|(?i:euros?|dollars?|pounds?|francs?)(?-u:\b)"
    r"|(?i:zł(?:otych)?))\s*"
)
_CAPITAL_BEHIND = r"^\p{Lu}"
#: What a capital may begin and yet belong to the price: `1,2 MLN KOSTEN KOPER`.
_CONDITION_BEHIND = (
    r"^(?i:(?:k\.?\s?k|v\.?o\.?n|p\.[mj]|kosten|vrij|all.in|(?:ex|in)cl\w*|ex|net\w*"
    r"|gross|bruto|brutto|per|pro|a|za|btw|sq|mkw|qm)(?-u:\b)|m[²2³3])"
)
#: Above this, a double no longer holds every whole number.
FLOAT_WHOLE = 2.0**53
#: The 2 of m2 is not a number of its own.
_UNIT_POWER = r"(?i)(m|ft|yd)[23](?-u:\b)"

#: Square metres of one unit, by what its name looks like.
AREA_UNITS: Mapping[str, float] = {
    r"ha\b|hectares?\b|hektar\w*": 10_000.0,
    r"km(?:²|2)|square kilomet\w+": 1_000_000.0,
    # the international foot is 0.3048 m, the yard three of them
    r"ft(?:²|2)|sq\.?\s*f(?:ee|oo)?t\.?|sf\b|square\s*f(?:ee|oo)t": 0.3048**2,
    r"sq\.?\s*yd\.?|square yards?": 0.9144**2,
    r"acres?\b": 4046.8564224,
    r"m(?:²|2)|sq\.?\s*m\b|sqm|qm\b|square met\w+|vierkante meter|mkw\b": 1.0,
}


@requires_expression
def parse_number(text: pl.Expr, /, *, decimal: DecimalMark | None = None) -> pl.Expr:
    """Return the one number of a text as Float64, with words or signs around it.

    The last of two different separators is the decimal mark. A single separator
    before exactly three digits parts thousands (`1.234` is 1234, `0.125` is not)
    unless `decimal` says which one is the mark.

    Args:
        text: An expression of texts.
        decimal: The decimal mark (`.` or `,`), where it is known.

    Raises:
        ConfigError: The mark is another one.
    """
    return text.map_batches(partial(_read_number, decimal=_mark(decimal)), pl.Float64())


@requires_expression
def parse_integer(text: pl.Expr, /, *, decimal: DecimalMark | None = None) -> pl.Expr:
    """Return the one whole number of a text as Int64; `3.0` is whole, `3.5` is not.

    Args:
        text: An expression of texts.
        decimal: The decimal mark (`.` or `,`), where it is known.

    Raises:
        ConfigError: The mark is another one.
    """
    plain = text.map_batches(partial(_read_plain, decimal=_mark(decimal)), pl.String())
    return plain.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)


@requires_expression
def parse_money(
    text: pl.Expr, /, *, decimal: DecimalMark | None = None, scale: int = 2
) -> pl.Expr:
    """Return the one amount of a text as a decimal of 18 digits.

    Args:
        text: An expression of texts such as `€ 1.234,50 per maand`, `$1,234.50` or
            `€ 500,-`.
        decimal: The decimal mark (`.` or `,`), where it is known.
        scale: Digits after the mark, 0 to 18; an amount with more of them is no money.

    Raises:
        ConfigError: The mark or the scale cannot be used.
    """
    read = partial(_read_money, decimal=_mark(decimal), scale=money_scale(scale))
    return text.map_batches(read, pl.Decimal(MONEY_DIGITS, scale))


@requires_expression
def parse_area(
    text: pl.Expr, /, *, decimal: DecimalMark | None = None, unit: str = "m2"
) -> pl.Expr:
    """Return the one area of a text in square metres, as Float64.

    Args:
        text: An expression of texts such as `91 m²`, `1.234 m2`, `0,5 ha` or
            `979 sq ft`.
        decimal: The decimal mark (`.` or `,`), where it is known.
        unit: The unit of texts that name none: m2, ha, km2, sqft, sq yd or acre.

    Raises:
        ConfigError: The mark or the unit is not known.
    """
    read = partial(_read_area, decimal=_mark(decimal), unit=_unit_size(unit))
    return text.map_batches(read, pl.Float64())


def in_square_metres(number: pl.Expr, dtype: pl.DataType, /, *, unit: str) -> pl.Expr:
    """Return numbers of a unit in square metres; what is no number stays as it is."""
    size = _unit_size(unit)
    return number * size if dtype.is_numeric() and size != 1 else number


def _sizes(named: pl.Expr) -> list[pl.Expr]:
    """Return a unit's square metres, one expression for each unit."""
    return [
        pl.when(named.str.contains(f"^(?:{name})")).then(pl.lit(size))
        for name, size in AREA_UNITS.items()
    ]


def _unit_size(unit: str) -> float:
    """Return the square metres of one unit of area.

    Raises:
        ConfigError: The unit is not known.
    """
    for name, size in AREA_UNITS.items():
        if re.fullmatch(f"(?:{name})", str(unit).lower()):
            return size
    msg = f"unit {unit!r} is not known: give m2, ha, km2, sqft, sq yd or acre"
    raise ConfigError(msg)


def _mark(decimal: DecimalMark | None) -> DecimalMark | None:
    """Return a decimal mark, or None of a text's own.

    Raises:
        ConfigError: It is none.
    """
    if decimal not in (None, ".", ","):
        msg = f"decimal {decimal!r} is not a decimal mark: give '.' or ','"
        raise ConfigError(msg)
    return decimal


# The readers below take whole columns: as one expression, of which each step names
# the one before several times, they would take longer to plan than to run.


def _read_number(text: pl.Series, *, decimal: DecimalMark | None) -> pl.Series:
    value = _read_plain(text, decimal=decimal).cast(pl.Float64, strict=False)
    return apply(value, lambda one: pl.when(one.abs() < FLOAT_WHOLE).then(one))


def _read_money(
    text: pl.Series, *, decimal: DecimalMark | None, scale: int
) -> pl.Series:
    amount = apply(text, lambda one: pl.when(~one.str.contains(_NOT_MONEY)).then(one))
    plain = _read_plain(amount, decimal=decimal)
    has_parts = rf"\.\d{{{scale}}}\d*[1-9]"
    whole = apply(plain, lambda one: pl.when(~one.str.contains(has_parts)).then(one))
    return whole.cast(pl.Decimal(MONEY_DIGITS, scale), strict=False)


def _read_area(
    text: pl.Series, *, decimal: DecimalMark | None, unit: float
) -> pl.Series:
    """Return areas in square metres.

    Args:
        text: An expression of texts.
        decimal: The decimal mark (`.` or `,`), where it is known.
        unit: The size of the unit of texts that name none.
    """
    text = text.str.replace_all("\u33a1", "m\u00b2", literal=True)
    column = pl.col("text")
    words = (
        text.alias("text")
        .to_frame()
        .select(
            column.str.extract(r"\d[\s.,(/-]*(\p{L}.*)$", 1)
            .str.to_lowercase()
            .alias("after"),
            # a word in front may be anything, so it counts only if it is a unit
            column.str.extract(r"^\s*(\p{L}[^\d]*)\d", 1)
            .str.to_lowercase()
            .alias("before"),
        )
    )
    after = pl.col("after")
    in_front = pl.when(after.is_null()).then(pl.coalesce(_sizes(pl.col("before"))))
    given = pl.when(after.is_null()).then(pl.lit(unit))
    size = words.select(pl.coalesce(in_front, given, pl.coalesce(_sizes(after))))
    return _read_number(text, decimal=decimal) * size.to_series()


def _read_plain(text: pl.Series, *, decimal: DecimalMark | None) -> pl.Series:
    """Return the number as `-1234.5`: a minus, digits, one point."""
    if text.null_count() == len(text):
        # as where other patterns matched all texts; what follows takes milliseconds
        return text.cast(pl.String)
    column = pl.col("text")
    bare = column.str.replace_all(_UNIT_POWER, "$1\u00b2").str.replace(
        _BARE_MARK, "${1}0$2"
    )
    frame = text.alias("text").to_frame().select(bare)
    certain = pl.when(~column.str.contains(_DOUBTFUL)).then(column)
    frame = frame.with_columns(certain.str.extract(_ONE_NUMBER, 1).alias("digits"))
    frame = frame.with_columns(_without_groups(pl.col("digits"), decimal).alias("size"))
    frame = frame.with_columns(_multiplied(frame, decimal))
    sign = (
        pl.when(column.str.contains(_NEGATIVE))
        .then(pl.lit("-"))
        .when(~column.str.contains(_UNCERTAIN_SIGN))
        .then(pl.lit(""))
    )
    signed = (sign + pl.col("size")).alias(text.name)
    return frame.select(signed).to_series()


def _multiplied(frame: pl.DataFrame, decimal: DecimalMark | None) -> pl.Series:
    """Return the sizes of texts, times what the word behind the digits stands for.

    Null where that word, or its number, may mean something else.
    """
    text, size = frame.get_column("text"), pl.col("size")
    is_pseudo = text.str.contains(_PSEUDO_MAGNITUDE).fill_null(value=False)
    result: pl.Expr = pl.when(~is_pseudo).then(size)
    for words, zeros in _MAGNITUDES.items():
        named = text.str.contains(words).fill_null(value=False)
        if named.any():
            certain = ~_is_in_doubt(words, decimal)
            moved = pl.when(certain).then(_moved(size, zeros))
            result = pl.when(named).then(moved).otherwise(result)
    return frame.select(result.alias("size")).to_series()


def _is_in_doubt(words: str, decimal: DecimalMark | None) -> pl.Expr:
    """Return whether a word for a count may not belong to the number before it."""
    text = pl.col("text")
    behind = text.str.extract(rf"(?:{words})\.?\s*(.*)$", 1)
    behind = behind.str.replace(_CURRENCY_BEHIND, "")
    is_name = behind.str.contains(_CAPITAL_BEHIND) & ~behind.str.contains(
        _CONDITION_BEHIND
    )
    is_unclear = pl.col("digits").str.contains(_TWO_READINGS) & pl.lit(decimal is None)
    return is_name | text.str.contains(_COMPOUND) | is_unclear


def as_number(written: pl.Expr, /, *, decimal: DecimalMark | None) -> pl.Expr:
    """Return numbers written with a point so that parsers read them as what they are.

    As texts, `12.125` may group thousands, which `12.1250` does not.

    Args:
        written: Texts of numbers.
        decimal: The decimal mark that the parser was told.
    """
    if decimal == ",":
        return written.str.replace(".", ",", literal=True)
    return written if decimal else written.str.replace(r"^(-?\d+\.\d{3})$", "${1}0")


def _moved(number: pl.Expr, zeros: int) -> pl.Expr:
    """Return plain numbers with the point moved to the right by so many places."""
    digits = number.str.extract(r"\.(\d+)$", 1).fill_null("").str.pad_end(zeros, "0")
    whole = number.str.extract(r"^(\d+)", 1)
    return whole + digits.str.head(zeros) + "." + digits.str.slice(zeros) + "0"


def _without_groups(digits: pl.Expr, decimal: DecimalMark | None) -> pl.Expr:
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
