"""The rules that make the listing's columns from texts.

A row is rejected if a rule cannot parse its text, unless the text matches the rule's
pattern of texts without a value (`no_value_pattern`), or the rule keeps such texts
(`keep_unparsed`). The column is then null, and the text is kept in `attributes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from propload_spiders.mapping import dates, numbers, places, words

if TYPE_CHECKING:
    from collections.abc import Callable

_UNKNOWN = r"onbekend|unknown|niet bekend|not known"
# a project of several homes has a range instead of a number
_SPAN = r"\d\s*(?:m[²2³3]\s*)?(?:-|\u2013|tot|to|t/m)\s*(?:€\s*)?\d|^\["
_ZERO = r"^(?:€\s*)?0+(?:[.,]0+)?(?:\s*m[²2³3])?$"
_NO_NUMBER = rf"(?i){_ZERO}|{_SPAN}|^(?:{_UNKNOWN})$"
_NO_PRICE = (
    rf"{_NO_NUMBER}|op aanvraag|on request|n\.?o\.?t\.?k\b|by tender|bij inschrijving"
    rf"|{numbers.BY_AREA}|{numbers.ZERO}"
)
# without a login pages hide dates, and after half a year they say `6+ maanden`; in
# files that were cleaned, `3 weken` may have lost its unit
_NO_DAY = (
    rf"(?i)^(?:log ?in|log on|inloggen)\b|^\d{{1,3}}\+|^\d{{1,3}}$|^(?:{_UNKNOWN})$"
)
_NO_COUNT = rf"(?i)^\D*$|{_SPAN}"
_NO_FEE = rf"(?i)^(?:geen|nee|no|ja|yes|{_UNKNOWN})$|{_SPAN}|{numbers.BY_AREA}"
_NOWHERE = r"^[+-]?0(?:\.0+)?$"
_NO_LABEL = (
    rf"(?i)^(?:niet|not) (?:beschikbaar|verplicht|available|required)|^(?:{_UNKNOWN}"
    r"|geen|vrijgesteld|exempt|voorlopig|provisional)\b|^(?:wat betekent|what does)"
)


#: Fields made from the texts of other fields: a column `price` can hold either price.
_ORIGINS = {"sale_text": ("price_text",), "lease_text": ("rent_text", "price_text")}


def origins(field: str) -> tuple[str, ...]:
    """Return the fields of a file that a rule's field is made from."""
    return _ORIGINS.get(field, (field,))


@dataclass(frozen=True, slots=True)
class Rule:
    """How one column is made from one text.

    Attributes:
        column: The column of the listing.
        field: The field whose text it parses.
        parse: Returns the column's expression, given that of the text.
        expected: What was expected instead, for the reason of a rejected row.
        no_value_pattern: A pattern of texts that state no value.
        keep_unparsed: Whether a text that cannot be parsed is kept instead of rejected.
        extra_inputs: Other columns that it uses: `today`, the day of reading, or
            `country`.
    """

    column: str
    field: str
    parse: Callable[[pl.Expr], pl.Expr]
    expected: str
    no_value_pattern: str = r"^\["
    keep_unparsed: bool = False
    extra_inputs: tuple[str, ...] = ()


def _above_zero(
    parse: Callable[[pl.Expr], pl.Expr], dtype: pl.DataType
) -> Callable[[pl.Expr], pl.Expr]:
    return lambda text: numbers.above_zero(parse(text), dtype)


def _day(text: pl.Expr) -> pl.Expr:
    return dates.day(text, pl.col("today"))


def _dutch_postal_code(text: pl.Expr) -> pl.Expr:
    is_dutch = (pl.col("country") == "NL") | pl.col("country").is_null()
    return pl.when(is_dutch).then(places.postal_code(text)).otherwise(text)


_square_metres = _above_zero(numbers.square_metres, pl.Float64())

_PRICE = "a price such as € 495.000 k.k."
_AREA = "an area such as 59 m²"
_DAY = "a day such as 20 april 2026 or 3 weken"

RULES: tuple[Rule, ...] = (
    Rule("list_price", "sale_text", numbers.whole_euros, _PRICE, _NO_PRICE),
    Rule("rent_price", "lease_text", numbers.whole_euros, _PRICE, _NO_PRICE),
    Rule(
        "original_list_price",
        "original_price_text",
        numbers.whole_euros,
        _PRICE,
        _NO_PRICE,
    ),
    Rule(
        "monthly_fee",
        "monthly_fee_text",
        numbers.euros_and_cents,
        "an amount such as € 164,54 per maand",
        _NO_FEE,
    ),
    Rule("listed_on", "listed_text", _day, _DAY, _NO_DAY, extra_inputs=("today",)),
    Rule("sold_on", "sold_text", _day, _DAY, _NO_DAY, extra_inputs=("today",)),
    Rule(
        "days_on_market", "duration_text", dates.days, "a time such as 4 weken", _NO_DAY
    ),
    Rule("living_area_m2", "living_area_text", _square_metres, _AREA, _NO_NUMBER),
    Rule("plot_area_m2", "plot_area_text", _square_metres, _AREA, _NO_NUMBER),
    Rule(
        "volume_m3",
        "volume_text",
        _above_zero(numbers.cubic_metres, pl.Float64()),
        "a volume such as 218 m³",
        # an area under this label comes from the adjacent row of the page
        rf"{_NO_NUMBER}|m[²2]$",
    ),
    Rule("rooms", "rooms_text", numbers.rooms, "rooms such as 3 kamers"),
    Rule("bedrooms", "bedrooms_text", numbers.bedrooms, "a number of bedrooms"),
    Rule(
        "bathrooms",
        "bathrooms_text",
        numbers.bathrooms,
        "bathrooms such as 1 badkamer en 1 apart toilet",
        rf"(?i)^\d+ (?:apart|separate)|{_NO_COUNT}",
    ),
    Rule(
        "stories",
        "stories_text",
        numbers.stories,
        "stories such as 2 woonlagen",
        _NO_COUNT,
    ),
    Rule(
        "year_built",
        "year_built_text",
        _above_zero(dates.build_year, pl.Int16()),
        "a year or years such as 1922, 1931-1944, voor 1906",
        rf"(?i){_ZERO}|^(?:{_UNKNOWN})$|{dates.SPAN_OF_YEARS}|^(?:ca\b|circa\b|±)",
    ),
    Rule(
        "year_built_min",
        "year_built_text",
        _above_zero(dates.first_build_year, pl.Int16()),
        "a year",
        keep_unparsed=True,
    ),
    Rule(
        "year_built_max",
        "year_built_text",
        _above_zero(dates.last_build_year, pl.Int16()),
        "a year",
        keep_unparsed=True,
    ),
    Rule(
        "energy_label",
        "energy_label_text",
        words.energy_label,
        "a label from A+++++ to G",
        _NO_LABEL,
    ),
    Rule(
        "is_new_construction",
        "construction_text",
        words.is_new,
        "new or resale",
        keep_unparsed=True,
    ),
    Rule(
        "postal_code",
        "postal_code",
        _dutch_postal_code,
        "a code such as 2611DX",
        extra_inputs=("country",),
    ),
    Rule("country", "country", words.country, "a country such as NL"),
    Rule("latitude", "latitude", numbers.degrees, "degrees such as 52.0116", _NOWHERE),
    Rule("longitude", "longitude", numbers.degrees, "degrees such as 4.3571", _NOWHERE),
    Rule(
        "photo_count",
        "photo_count",
        lambda text: numbers.count(text, "foto's|photos"),
        "a number of photos",
    ),
)
