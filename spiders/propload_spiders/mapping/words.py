"""Words of Dutch and English pages, and the values of the listing they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from propload.prepare.parsers import parse_boolean, parse_one_of
from propload_spiders.vocabulary import by_word, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Texts that mean no value, in any field.
NULL_WORDS = ("", *words_of("-, --, \u2013, \u2014, n/a, n.v.t., nvt, nan, null, none"))

#: The same for the status, of which `none` means available.
NULL_STATUS_WORDS = tuple(word for word in NULL_WORDS if word != "none")

#: Words for each offering; the value itself (`sale`) always counts as one.
OFFERINGS = by_word(
    {
        "sale": "koop, te koop, buy, for sale",
        "rent": "huur, te huur, for rent",
    }
)

STATUSES = by_word(
    {
        "available": (
            "none, beschikbaar, beschikbaar voor inschrijving, "
            "available for registration, te koop, te huur, for sale, for rent"
        ),
        "under_offer": (
            "under_bid, under bid, under offer, under option, under_option, onder bod, "
            "onder optie, negotiations"
        ),
        "sold_conditional": (
            "sold_under_reservation, sold under reservation, verkocht onder voorbehoud"
        ),
        "sold": "verkocht",
        "rented_conditional": (
            "rented_under_reservation, rented under reservation, "
            "verhuurd onder voorbehoud"
        ),
        "rented": "verhuurd",
        "withdrawn": "ingetrokken, teruggetrokken",
    }
)
#: Words for either offering, by their meaning for a sale.
SHARED_STATUSES = by_word(
    {
        "sold_conditional": (
            "sold or rented under reservation, verkocht of verhuurd onder voorbehoud"
        ),
        "sold": "sold or rented, verkocht of verhuurd",
    }
)

PROPERTY_TYPES = by_word(
    {
        "house": "huis, woonhuis, villa, woonboot, houseboat",
        "apartment": "appartement, flat, penthouse, studio",
        "parking": "parkeergelegenheid, parkeerplaats, garage, garagebox",
        "land": "bouwgrond, kavel, bouwkavel, perceel, building plot",
    }
)

#: Words for new and for existing buildings.
NEW = words_of(
    "newly_built, newly built, nieuwbouw, new, new property, new construction, true, "
    "yes, ja"
)
RESALE = words_of(
    "resale, resale property, bestaande bouw, existing, false, no, nee",
)

COUNTRIES = by_word(
    {
        "NL": "nl, nederland, the netherlands, netherlands",
        "BE": "be, belgië, belgium",
        "DE": "de, duitsland, germany",
    }
)

_LABEL = (
    r"(?i)^(?:energie(?:label|klasse)|energy (?:label|class)|label|klasse|class)?\s*"
    r"(a\+{0,5}|[b-g])"
    # the energy index of labels before 2015, and the question after it on the page
    r"(?:\s+\d[.,]\d{1,2})?\s*(?:wat betekent dit|what does this mean)?\s*\??$"
)


def meaning(text: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """Return the value a word stands for, whatever its case; null if not listed."""
    return parse_one_of(text, words=words)


def is_new(text: pl.Expr) -> pl.Expr:
    """Return whether a word means a new building; null if it is not listed."""
    return parse_boolean(text, true=NEW, false=RESALE)


def energy_label(text: pl.Expr) -> pl.Expr:
    """Return the label of `A+++ Wat betekent dit?`, `C 1,42` or `d`."""
    return text.str.extract(_LABEL, 1).str.to_uppercase()


def status(text: pl.Expr, offering: pl.Expr) -> pl.Expr:
    """Return the status that a text stands for; `unknown` for any other text."""
    sold = meaning(text, SHARED_STATUSES)
    rented = sold.str.replace("sold", "rented", literal=True)
    shared = pl.when(offering == "rent").then(rented).otherwise(sold)
    named = pl.coalesce(meaning(text, STATUSES), shared)
    return pl.when(text.is_not_null()).then(named.fill_null("unknown"))


def property_type(text: pl.Expr) -> pl.Expr:
    """Return the type that a word stands for; `other` for any other word."""
    named = meaning(text, PROPERTY_TYPES).fill_null("other")
    return pl.when(text.is_not_null()).then(named)


def country(text: pl.Expr) -> pl.Expr:
    """Return a country's two-letter code; null if it is unknown."""
    letters = pl.when(text.str.contains("^[A-Z]{2}$")).then(text)
    return pl.coalesce(meaning(text, COUNTRIES), letters)
