"""Words of Dutch and English pages, and what they mean in the listing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from propload.prepare.parsers import parse_boolean, parse_one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Texts that say nothing, in any field.
NULL_WORDS = (
    "",
    "-",
    "--",
    "\u2013",
    "\u2014",
    "n/a",
    "n.v.t.",
    "nvt",
    "nan",
    "null",
    "none",
)

#: The same in the field of the status, where `none` means available.
NULL_STATUS_WORDS = tuple(word for word in NULL_WORDS if word != "none")

OFFERINGS = {
    "koop": "sale",
    "te koop": "sale",
    "buy": "sale",
    "sale": "sale",
    "for sale": "sale",
    "huur": "rent",
    "te huur": "rent",
    "rent": "rent",
    "for rent": "rent",
}

STATUSES = {
    "none": "available",
    "available": "available",
    "beschikbaar": "available",
    "beschikbaar voor inschrijving": "available",
    "available for registration": "available",
    "te koop": "available",
    "te huur": "available",
    "for sale": "available",
    "for rent": "available",
    "under_bid": "under_offer",
    "under bid": "under_offer",
    "under offer": "under_offer",
    "under option": "under_offer",
    "under_option": "under_offer",
    "onder bod": "under_offer",
    "onder optie": "under_offer",
    "negotiations": "under_offer",
    "sold_under_reservation": "sold_conditional",
    "sold under reservation": "sold_conditional",
    "verkocht onder voorbehoud": "sold_conditional",
    "verkocht": "sold",
    "sold": "sold",
    "rented_under_reservation": "rented_conditional",
    "rented under reservation": "rented_conditional",
    "verhuurd onder voorbehoud": "rented_conditional",
    "verhuurd": "rented",
    "rented": "rented",
    "withdrawn": "withdrawn",
    "ingetrokken": "withdrawn",
    "teruggetrokken": "withdrawn",
}
#: Words for both offerings: which one it is, the offering says.
SHARED_STATUSES = {
    "sold or rented under reservation": ("sold_conditional", "rented_conditional"),
    "verkocht of verhuurd onder voorbehoud": (
        "sold_conditional",
        "rented_conditional",
    ),
    "sold or rented": ("sold", "rented"),
    "verkocht of verhuurd": ("sold", "rented"),
}

PROPERTY_TYPES = {
    "house": "house",
    "huis": "house",
    "woonhuis": "house",
    "villa": "house",
    "woonboot": "house",
    "houseboat": "house",
    "apartment": "apartment",
    "appartement": "apartment",
    "flat": "apartment",
    "penthouse": "apartment",
    "studio": "apartment",
    "parking": "parking",
    "parkeergelegenheid": "parking",
    "parkeerplaats": "parking",
    "garage": "parking",
    "garagebox": "parking",
    "land": "land",
    "bouwgrond": "land",
    "kavel": "land",
    "bouwkavel": "land",
    "perceel": "land",
    "building plot": "land",
}

#: Words for new buildings and for old ones.
NEW = (
    "newly_built",
    "newly built",
    "nieuwbouw",
    "new",
    "new property",
    "new construction",
    "true",
    "yes",
    "ja",
)
RESALE = (
    "resale",
    "resale property",
    "bestaande bouw",
    "existing",
    "false",
    "no",
    "nee",
)

COUNTRIES = {
    "nl": "NL",
    "nederland": "NL",
    "the netherlands": "NL",
    "netherlands": "NL",
    "be": "BE",
    "belgië": "BE",
    "belgium": "BE",
    "de": "DE",
    "duitsland": "DE",
    "germany": "DE",
}

_LABEL = (
    r"(?i)^(?:energie(?:label|klasse)|energy (?:label|class)|label|klasse|class)?\s*"
    r"(a\+{0,5}|[b-g])"
    # the index of labels before 2015, and the question that follows on the page
    r"(?:\s+\d[.,]\d{1,2})?\s*(?:wat betekent dit|what does this mean)?\s*\??$"
)


def meaning(text: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """Return what a word means, whatever its case; null for a word not listed."""
    return parse_one_of(text, words=words)


def is_new(text: pl.Expr) -> pl.Expr:
    """Return whether a word is one for new buildings; null for a word not listed."""
    return parse_boolean(text, true=NEW, false=RESALE)


def energy_label(text: pl.Expr) -> pl.Expr:
    """Return the label of `A+++ Wat betekent dit?`, `C 1,42` or `d`."""
    return text.str.extract(_LABEL, 1).str.to_uppercase()


def status(text: pl.Expr, offering: pl.Expr) -> pl.Expr:
    """Return the status that a text names, `unknown` for any other text."""
    sold = meaning(text, {word: pair[0] for word, pair in SHARED_STATUSES.items()})
    rented = meaning(text, {word: pair[1] for word, pair in SHARED_STATUSES.items()})
    named = pl.coalesce(
        meaning(text, STATUSES), pl.when(offering == "rent").then(rented), sold
    )
    return pl.when(text.is_not_null()).then(named.fill_null("unknown"))


def property_type(text: pl.Expr) -> pl.Expr:
    """Return the type that a word names, `other` for any other word."""
    named = meaning(text, PROPERTY_TYPES).fill_null("other")
    return pl.when(text.is_not_null()).then(named)


def country(text: pl.Expr) -> pl.Expr:
    """Return a country's two letters."""
    letters = pl.when(text.str.contains("^[A-Z]{2}$")).then(text)
    return pl.coalesce(meaning(text, COUNTRIES), letters)
