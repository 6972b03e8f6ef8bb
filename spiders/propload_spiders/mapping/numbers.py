"""Numbers, money, areas and counts out of texts, as Polars expressions.

Each function takes an expression of clean text and gives null if the text is not what
the function's name says; the caller decides whether that refuses the row.
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
    # a letter alone may be a million
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
#: A price of zero, which means no price: `€ 0,- k.k.`
ZERO = (
    rf"(?i)^{_FROM}(?:€|eur|euro)?\s*0+(?:[.,]0+)?(?:[.,]-+)?"
    rf"\s*(?:{_CONDITION}|{_PERIOD})?{_BRACKETS}$"
)
#: A price per square metre, which is not the listing's; in brackets it only comes with
#: the listing's.
BY_AREA = r"(?i)^[^(]*(?:\b(?:per|a|à|p\.?)|/)\s?(?:m[²2]|vierkante|square|sq\b)"

#: What ends `/m`, a month: \b would also match in `/m²`.
_END = r"(?:[^\w²³^]|$)"

#: What comes on top (`+ BTW`), unless it is an amount, and an abbreviation of a month
#: that no parser knows.
_BESIDES = r"(?i)\s*(?:[+&*]|\bm/nd\b)\D*$"

#: New buildings are measured on paper: `ca. 96 m²`.
_ABOUT = r"(?i)^(?:ca\b\.?|circa\b|approx(?:imately)?\b\.?|±)\s*"

#: What stands between the ends of a span.
_TO = r"(?:-|\u2013|tot|to|t/m|of|or)"
#: The word behind a number of bedrooms.
BEDROOMS = r"(?:slaapkamer|bedroom)"

_SQUARE = r"(?:m²|m2)"
_CUBIC = r"(?:m³|m3|m\^3|kubieke meter|cubic met(?:er|re)s?)"


def _signed(text: pl.Expr) -> pl.Expr:
    """Return the amount of a text with a euro sign, with the words behind it.

    The parser of money knows which of them multiply it (`miljoen`), and which leave
    it in doubt (`ton`).
    """
    # a single k is a thousand
    plain = text.str.replace(_BESIDES, "").str.replace(r"(?i)\bk k\b", "k.k.")
    return pl.when(~text.str.contains(BY_AREA)).then(plain.str.extract(_SIGNED, 1))


def _bare(text: pl.Expr) -> pl.Expr:
    """Return the amount of a text without a euro sign.

    Only the words of a price may follow, so that `3 rooms` is not taken for a price.
    """
    return text.str.extract(_BARE, 1)


def whole_euros(text: pl.Expr) -> pl.Expr:
    """Return a price in euros, cents rounded; a price of zero is none."""
    signed = parse_money(_signed(text), scale=4).cast(pl.Float64)
    euros = pl.coalesce(signed, parse_number(_bare(text)))
    return above_zero(euros.round(0, mode="half_away_from_zero"), pl.Float64()).cast(
        pl.Int64
    )


def above_zero(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return the values above zero, the others as null.

    Args:
        value: Numbers; the expression is used once, so that it runs once.
        dtype: Their type.
    """
    return value.map_batches(lambda values: values.set(values <= 0, None), dtype)


def euros_and_cents(text: pl.Expr) -> pl.Expr:
    """Return an amount as an exact decimal; null where it has parts of a cent.

    `Ja (€ 180,09 per maand)` gives what stands in the brackets.
    """
    inner = text.str.extract(r"(?i)^(?:yes|ja)\s*\((.*)\)$", 1)
    told = pl.coalesce(inner, text)
    exact = parse_money(pl.coalesce(_signed(told), _bare(told)))
    return exact.cast(pl.Decimal(10, 2), strict=False)


def square_metres(text: pl.Expr) -> pl.Expr:
    """Return an area in m²; hectares become m², a bare number is m².

    An approximate one counts as it is written.
    """
    plain = text.str.replace(r"\s*\([^()]*\)$", "").str.replace(_ABOUT, "")
    # words before the number belong to another fact
    return parse_area(pl.when(plain.str.contains(r"^\d")).then(plain))


def part_of_area(text: pl.Expr, words: str) -> pl.Expr:
    """Return one area of `70 m² wonen / 81 m² perceel` by the words behind it."""
    pattern = rf"(?i){NUMBER}\s*{_SQUARE}\s*(?:{words})"
    return parse_number(text.str.extract(pattern, 1))


def cubic_metres(text: pl.Expr) -> pl.Expr:
    """Return a volume in m³; a bare number is m³."""
    pattern = rf"(?i)^{NUMBER}\s*{_CUBIC}?{_BRACKETS}$"
    return parse_number(text.str.replace(_ABOUT, "").str.extract(pattern, 1))


def count(text: pl.Expr, words: str) -> pl.Expr:
    """Return the whole number that begins a text.

    Args:
        text: Clean text: `3`, `3.0`, `3 kamers (2 slaapkamers)`.
        words: A pattern of the words that may follow it.
    """
    pattern = rf"(?i)^(\d{{1,5}})(?:\.0+)?(?:\s*(?:{words})\b.*)?$"
    return text.str.extract(pattern, 1).cast(pl.Int16, strict=False)


def rooms(text: pl.Expr) -> pl.Expr:
    """Return the rooms of `3 kamers (2 slaapkamers)`."""
    return count(text, "kamers?|rooms?|vertrek(?:ken)?")


def bedrooms_in_rooms(text: pl.Expr) -> pl.Expr:
    """Return the bedrooms of `3 kamers (2 slaapkamers)`; null where none are said.

    A span (`2-3 slaapkamers`) says none.
    """
    pattern = rf"(?i)(\d{{1,4}})\s*{BEDROOMS}"
    is_span = text.str.contains(rf"(?i)\d\s*{_TO}\s*\d+\s*{BEDROOMS}")
    told = text.str.extract(pattern, 1).cast(pl.Int16, strict=False)
    return pl.when(~is_span).then(told)


def bedrooms(text: pl.Expr) -> pl.Expr:
    """Return the bedrooms of `2` or `2 slaapkamers`."""
    return count(text, "slaapkamers?|bedrooms?|beds?")


def bathrooms(text: pl.Expr) -> pl.Expr:
    """Return the bathrooms of `1 badkamer en 1 apart toilet`."""
    return count(text, "badkamers?|bath ?rooms?|baths?")


def stories(text: pl.Expr) -> pl.Expr:
    """Return the stories of `2 woonlagen en een zolder`."""
    return count(text, "woonla(?:ag|gen)|stor(?:e?y|eys|ies)|verdieping(?:en)?|floors?")


def degrees(text: pl.Expr) -> pl.Expr:
    """Return a coordinate; its point is always a decimal point."""
    pattern = r"^[+-]?\d{1,3}(?:\.\d+)?$"
    return pl.when(text.str.contains(pattern)).then(text).cast(pl.Float64, strict=False)


def rent_period(text: pl.Expr) -> pl.Expr:
    """Return month, year, week or day where a price text is one of rent.

    What is in brackets may not be about the price: service costs beside the price of a
    sale, for example.
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
    """Return a text without what it says in brackets."""
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
