"""Parse numbers, money, areas and counts, as Polars expressions.

Each function takes an expression of clean text and returns one that is null if the text
is not what the function's name says; the caller decides whether that refuses the row.
"""

from __future__ import annotations

import polars as pl

from propload.prepare.parsers import parse_area, parse_money, parse_number

#: Digits with dots and commas between them, as one group.
NUMBER = r"(\d(?:[\d.,]*\d)?)"

_CONDITION = (
    r"k\.?\s?k\.?|kosten[ _]koper|v\.?o\.?n\.?|vrij[ _]op[ _]naam|all[- ]in"
    r"|excl\.?[a-z .]*|incl\.?[a-z .]*"
)
_PERIOD = (
    r"(?:per|p\.?|/|a)?[ /_]*(?:maand|mnd|month|jaar|year|week|wk|dag|day)"
    # not a letter alone: m may mean million
    r"|(?:per|p\.?|/)[ /_]*(?:m\.?|j\.)|per_(?:month|year|week|day)"
)
_FROM = r"(?:vanaf|v\.a\.|from|bieden vanaf|bids? from|guide price)?\s*"
_BRACKETS = r"(?:\s*\([^)]*\))?"
_SIGNED = (
    rf"(?i)^{_FROM}(?:€|eur|euro)\s*({NUMBER}(?:,-+|\.-+)?(?:[\s/\p{{L}}][^\d(]*)?)"
    r"(?:\([^)]*\)[^\d(]*)?$"
)
_COUNT = (
    r"(?:\s?(?:k|duizend|thousand|mln\.?|mio|miljoen|million|miljard|billion)"
    r"|(?-i:M))?"
)
_BARE = (
    rf"(?i)^{_FROM}({NUMBER}{_COUNT})(?:,-+|\.-+)?\s*(?:€|eur|euro)?"
    rf"\s*(?:{_CONDITION}|{_PERIOD})?{_BRACKETS}$"
)
#: A price of zero, which means that there is none: `€ 0,- k.k.`
ZERO = (
    rf"(?i)^{_FROM}(?:€|eur|euro)?\s*0+(?:[.,]0+)?(?:[.,]-+)?"
    rf"\s*(?:{_CONDITION}|{_PERIOD})?{_BRACKETS}$"
)
#: A price per square metre, which is not the listing's price; one in brackets only
#: accompanies it.
BY_AREA = r"(?i)^[^(]*(?:\b(?:per|a|à|p\.?)|/)\s?(?:m[²2]|vierkante|square|sq\b)"

#: The end of `/m`, per month: \b would also match in `/m²`.
_END = r"(?:[^\w²³^]|$)"

#: Additions such as `+ BTW`, unless they contain an amount, and `m/nd`, an abbreviation
#: of month that no parser knows.
_BESIDES = r"(?i)\s*(?:[+&*]|\bm/nd\b)\D*$"

#: Words for about: areas of new buildings are taken from plans (`ca. 96 m²`).
_ABOUT = r"(?i)^(?:ca\b\.?|circa\b|approx(?:imately)?\b\.?|±)\s*"

#: The word or sign between the two numbers of a range.
_TO = r"(?:-|\u2013|tot|to|t/m|of|or)"
#: The word after a number of bedrooms.
BEDROOMS = r"(?:slaapkamer|bedroom)"

_SQUARE = r"(?:m²|m2)"
_CUBIC = r"(?:m³|m3|m\^3|kubieke meter|cubic met(?:er|re)s?)"


def _signed(text: pl.Expr) -> pl.Expr:
    """Return the amount in a text with a euro sign, with the words that follow it.

    The money parser knows which words multiply it (`miljoen`), and which make it
    ambiguous (`ton`).
    """
    # `k k` is k.k., but a single k means thousand
    plain = text.str.replace(_BESIDES, "").str.replace(r"(?i)\bk k\b", "k.k.")
    return pl.when(~text.str.contains(BY_AREA)).then(plain.str.extract(_SIGNED, 1))


def _bare(text: pl.Expr) -> pl.Expr:
    """Return the amount in a text without a euro sign.

    Only words of a price may follow it, so that `3 rooms` is not taken for a price.
    """
    return text.str.extract(_BARE, 1)


def whole_euros(text: pl.Expr) -> pl.Expr:
    """Return a price rounded to whole euros; null for a price of zero."""
    signed = parse_money(_signed(text), scale=4).cast(pl.Float64)
    euros = pl.coalesce(signed, parse_number(_bare(text)))
    return above_zero(euros.round(0, mode="half_away_from_zero"), pl.Float64()).cast(
        pl.Int64
    )


def above_zero(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return the values above zero, and null for the others.

    Args:
        value: Numbers. The expression is used only once, so that it runs only once.
        dtype: Their type.
    """
    return value.map_batches(lambda values: values.set(values <= 0, None), dtype)


def euros_and_cents(text: pl.Expr) -> pl.Expr:
    """Return an amount as an exact decimal; null if it has fractions of a cent.

    Of `Ja (€ 180,09 per maand)`, it is the amount in the brackets.
    """
    inner = text.str.extract(r"(?i)^(?:yes|ja)\s*\((.*)\)$", 1)
    amount = pl.coalesce(inner, text)
    exact = parse_money(pl.coalesce(_signed(amount), _bare(amount)))
    return exact.cast(pl.Decimal(10, 2), strict=False)


def square_metres(text: pl.Expr) -> pl.Expr:
    """Return an area in m²; hectares are converted, and a bare number is m².

    An approximate area (`ca. 96 m²`) counts as if it were exact.
    """
    plain = text.str.replace(r"\s*\([^()]*\)$", "").str.replace(_ABOUT, "")
    # if words precede the number, it measures something else
    return parse_area(pl.when(plain.str.contains(r"^\d")).then(plain))


def part_of_area(text: pl.Expr, words: str) -> pl.Expr:
    """Return the area that the words follow, as in `70 m² wonen / 81 m² perceel`."""
    pattern = rf"(?i){NUMBER}\s*{_SQUARE}\s*(?:{words})"
    return parse_number(text.str.extract(pattern, 1))


def cubic_metres(text: pl.Expr) -> pl.Expr:
    """Return a volume in m³; a bare number is m³."""
    pattern = rf"(?i)^{NUMBER}\s*{_CUBIC}?{_BRACKETS}$"
    return parse_number(text.str.replace(_ABOUT, "").str.extract(pattern, 1))


def count(text: pl.Expr, words: str) -> pl.Expr:
    """Return the whole number at the start of a text.

    Args:
        text: Clean text: `3`, `3.0`, `3 kamers (2 slaapkamers)`.
        words: A pattern of the words that may follow the number.
    """
    pattern = rf"(?i)^(\d{{1,5}})(?:\.0+)?(?:\s*(?:{words})\b.*)?$"
    return text.str.extract(pattern, 1).cast(pl.Int16, strict=False)


def rooms(text: pl.Expr) -> pl.Expr:
    """Return the number of rooms of `3 kamers (2 slaapkamers)`."""
    return count(text, "kamers?|rooms?|vertrek(?:ken)?")


def bedrooms_in_rooms(text: pl.Expr) -> pl.Expr:
    """Return the number of bedrooms of `3 kamers (2 slaapkamers)`.

    It is null if the text does not state one number, as in `2-3 slaapkamers`.
    """
    pattern = rf"(?i)(\d{{1,4}})\s*{BEDROOMS}"
    is_span = text.str.contains(rf"(?i)\d\s*{_TO}\s*\d+\s*{BEDROOMS}")
    number = text.str.extract(pattern, 1).cast(pl.Int16, strict=False)
    return pl.when(~is_span).then(number)


def bedrooms(text: pl.Expr) -> pl.Expr:
    """Return the number of bedrooms of `2` or `2 slaapkamers`."""
    return count(text, "slaapkamers?|bedrooms?|beds?")


def bathrooms(text: pl.Expr) -> pl.Expr:
    """Return the number of bathrooms of `1 badkamer en 1 apart toilet`."""
    return count(text, "badkamers?|bath ?rooms?|baths?")


def stories(text: pl.Expr) -> pl.Expr:
    """Return the number of stories of `2 woonlagen en een zolder`."""
    return count(text, "woonla(?:ag|gen)|stor(?:e?y|eys|ies)|verdieping(?:en)?|floors?")


def degrees(text: pl.Expr) -> pl.Expr:
    """Return a coordinate; its point is always a decimal point."""
    pattern = r"^[+-]?\d{1,3}(?:\.\d+)?$"
    return pl.when(text.str.contains(pattern)).then(text).cast(pl.Float64, strict=False)


def rent_period(text: pl.Expr) -> pl.Expr:
    """Return month, year, week or day if a price text is a rent, otherwise null.

    Words in brackets do not count if the text has a price condition of a sale: they may
    be about service costs, for example.
    """
    patterns = {
        "month": rf"(?i)\bmaand|\bmnd|month|(?:\bp\.?/?|/)m{_END}",
        "year": r"(?i)\bjaar|year|\bp\.?/?j\b",
        "week": r"(?i)week",
        "day": r"(?i)\bdag\b|day",
    }
    is_rent = price_condition(text).is_null()
    return pl.coalesce(
        _first_match(outside_brackets(text), patterns),
        pl.when(is_rent).then(_first_match(text, patterns)),
    )


def outside_brackets(text: pl.Expr) -> pl.Expr:
    """Return a text without its parts in brackets."""
    return text.str.replace_all(r"\([^)]*\)?", " ")


def price_condition(text: pl.Expr) -> pl.Expr:
    """Return k.k. (the buyer pays the costs) or v.o.n. (the seller does)."""
    patterns = {
        "k.k.": r"(?i)k\.\s?k\.?|\bkk\b|kosten[ _]koper",
        "v.o.n.": r"(?i)v\.o\.n\.?|\bvon\b|vrij[ _]op[ _]naam",
    }
    return _first_match(text, patterns)


def _first_match(text: pl.Expr, patterns: dict[str, str]) -> pl.Expr:
    return pl.coalesce(
        pl.when(text.str.contains(pattern)).then(pl.lit(word))
        for word, pattern in patterns.items()
    )
