"""Format numbers, dates and statuses as Dutch pages do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.messages.wording import counted
from propload_spiders.vocabulary import words_of

if TYPE_CHECKING:
    from datetime import date

    from propload_spiders.demo.market import Listing

_MONTHS = words_of(
    "januari, februari, maart, april, mei, juni, juli, augustus, september, oktober, "
    "november, december"
)
_CONDITIONS = {
    "kosten_koper": "kosten koper",
    "vrij_op_naam": "vrij op naam",
    "per_month": "per maand",
    "per_year": "per jaar",
}
_STATUSES = {
    "none": "Beschikbaar",
    "under_bid": "Onder bod",
    "sold_under_reservation": "Verkocht onder voorbehoud",
    "sold": "Verkocht",
    "rented_under_reservation": "Verhuurd onder voorbehoud",
    "rented": "Verhuurd",
}


def number_text(number: int, /) -> str:
    """Return a number in the form `1.234.567`."""
    return f"{number:,}".replace(",", ".")


def cents_text(cents: int, /) -> str:
    """Return an amount of cents in euros, in the form `1.164,54`."""
    return f"{number_text(cents // 100)},{cents % 100:02}"


def date_text(day: date, /) -> str:
    """Return a date in the form `20 april 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def price_text(listing: Listing, /) -> str:
    """Return `€ 495.000 kosten koper`; for a closed listing, without the condition."""
    price = f"€ {number_text(listing.price)}"
    if listing.is_closed:
        return price
    return f"{price} {_CONDITIONS[listing.home.condition]}"


def status_text(listing: Listing, /) -> str:
    """Return a listing's status in Dutch."""
    return _STATUSES[listing.status]


def rooms_text(rooms: int, bedrooms: int | None, /) -> str:
    """Return the number of rooms in the form `3 kamers (2 slaapkamers)`."""
    rooms_words = counted(rooms, "kamer", "kamers")
    if bedrooms is None:
        return rooms_words
    return f"{rooms_words} ({counted(bedrooms, 'slaapkamer', 'slaapkamers')})"


def bathrooms_text(bathrooms: int, /) -> str:
    """Return the bathrooms in the form `2 badkamers en 1 apart toilet`."""
    return f"{counted(bathrooms, 'badkamer', 'badkamers')} en 1 apart toilet"


def stories_text(stories: int, /) -> str:
    """Return the number of stories in the form `2 woonlagen`."""
    return counted(stories, "woonlaag", "woonlagen")


def duration_text(days: int, /) -> str:
    """Return a duration in whole weeks (`4 weken`), or in days if below a week."""
    if days < 7:
        return counted(days, "dag", "dagen")
    return counted(days // 7, "week", "weken")
