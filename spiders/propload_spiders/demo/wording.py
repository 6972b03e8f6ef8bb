"""Numbers, dates and statuses as Dutch pages write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from propload_spiders.demo.market import Listing

_MONTHS = (  # noqa: SIM905 - one line reads better than twelve
    "januari februari maart april mei juni juli augustus september oktober november "
    "december"
).split()
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
    """Return `1.234.567`."""
    return f"{number:,}".replace(",", ".")


def cents_text(cents: int, /) -> str:
    """Return `1.164,54`."""
    return f"{number_text(cents // 100)},{cents % 100:02}"


def date_text(day: date, /) -> str:
    """Return `20 april 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def price_text(listing: Listing, /) -> str:
    """Return `€ 495.000 kosten koper`; of a sold home without the condition."""
    price = f"€ {number_text(listing.price)}"
    if listing.is_closed:
        return price
    return f"{price} {_CONDITIONS[listing.home.condition]}"


def status_text(listing: Listing, /) -> str:
    """Return the status in Dutch."""
    return _STATUSES[listing.status]


def rooms_text(rooms: int, bedrooms: int | None, /) -> str:
    """Return `3 kamers (2 slaapkamers)`."""
    word = "kamer" if rooms == 1 else "kamers"
    if bedrooms is None:
        return f"{rooms} {word}"
    inner = "slaapkamer" if bedrooms == 1 else "slaapkamers"
    return f"{rooms} {word} ({bedrooms} {inner})"


def bathrooms_text(bathrooms: int, /) -> str:
    """Return `2 badkamers en 1 apart toilet`."""
    word = "badkamer" if bathrooms == 1 else "badkamers"
    return f"{bathrooms} {word} en 1 apart toilet"


def stories_text(stories: int, /) -> str:
    """Return `2 woonlagen`."""
    return f"{stories} {'woonlaag' if stories == 1 else 'woonlagen'}"


def duration_text(days: int, /) -> str:
    """Return `4 weken`, or days where they are few."""
    if days < 7:
        return f"{days} {'dag' if days == 1 else 'dagen'}"
    weeks = days // 7
    return f"{weeks} {'week' if weeks == 1 else 'weken'}"
