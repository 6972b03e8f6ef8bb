"""Render detail pages of the demo site: JSON-LD, payload and definition lists."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from propload_spiders.demo.devalue import Tagged, state_script
from propload_spiders.demo.homes import FIRST_DAY
from propload_spiders.demo.wording import (
    bathrooms_text,
    cents_text,
    date_text,
    duration_text,
    number_text,
    price_text,
    rooms_text,
    status_text,
    stories_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload_spiders.demo.homes import Home
    from propload_spiders.demo.market import Listing

_QUESTION = "Wat betekent dit?"
_HIDDEN = "Log in om te bekijken"
_TYPES = {
    "house": "Huis",
    "apartment": "Appartement",
    "parking": "Parkeergelegenheid",
    "land": "Bouwgrond",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of a detail page; one with nested facts is a title."""

    name: str | None
    label: str
    value: str = ""
    under: tuple[Fact, ...] = ()


def render_detail(
    listing: Listing, /, *, site: str, day: int, has_payload: bool
) -> str:
    """Return the detail page of a listing on a day.

    Args:
        listing: The listing.
        site: The site's address, for absolute addresses.
        day: The day, for relative dates.
        has_payload: Whether the page contains the payload, or only the markup.
    """
    home = listing.home
    groups = _groups(listing, day)
    place = f"{html.escape(home.address)} {home.spaced_code} {home.town.name}"
    title = f"{_TYPES[home.kind]} te {home.word}: {place}"
    lists = "".join(
        f"<h3>{name}</h3>{_list(facts, int(home.listing_id) % 3)}"
        for name, facts in groups.items()
        if facts
    )
    payload = _payload(listing, groups) if has_payload else ""
    agent = f'<a href="{home.agent.path}">{html.escape(home.agent.name)}</a>'
    return (
        '<!DOCTYPE html><html lang="nl-NL"><head><meta charset="utf-8">'
        f"<title>{title} | Demo</title>{_linked_data(listing, site)}</head><body>"
        f"<h1>{html.escape(home.address)}</h1>{lists}{agent}{payload}</body></html>"
    )


def _groups(listing: Listing, day: int) -> dict[str, tuple[Fact, ...]]:
    home = listing.home
    return {
        "Overdracht": _transfer(listing, day),
        "Bouw": _known(
            ("bouw-soortobject", _subtype_label(home), home.subtype),
            (
                "bouw-soortbouw",
                "Soort bouw",
                "Nieuwbouw" if home.is_new else "Bestaande bouw",
            ),
            ("bouw-bouwjaar", _built_label(home.built), home.built),
        ),
        "Oppervlakten en inhoud": _measures(home),
        "Indeling": _known(
            (
                "indeling-totalrooms",
                "Aantal kamers",
                home.rooms and rooms_text(home.rooms, home.bedrooms),
            ),
            (
                "indeling-totalbathroom",
                "Aantal badkamers",
                home.bathrooms and bathrooms_text(home.bathrooms),
            ),
            (
                "indeling-totalstories",
                "Aantal woonlagen",
                home.stories and stories_text(home.stories),
            ),
            ("indeling-locatedat", "Gelegen op", home.floor),
        ),
        "Energie": _known(("energie-energielabel", "Energielabel", home.label)),
        "Kadastrale gegevens": _known(
            ("cadastral-ownershipsituation", "Eigendomssituatie", home.ownership),
        ),
    }


def _transfer(listing: Listing, day: int) -> tuple[Fact, ...]:
    home = listing.home
    if listing.is_closed and listing.closed_on is not None:
        days = (listing.closed_on - home.published.date()).days
        return _known(
            ("overdracht-vraagprijs", "Laatste vraagprijs", price_text(listing)),
            ("overdracht-status", "Status", status_text(listing)),
            (None, "Verkoopdatum", date_text(listing.closed_on)),
            (None, "Looptijd", duration_text(days)),
        )
    price = "Vraagprijs" if home.offering == "buy" else "Huurprijs"
    was = listing.original_price
    fee = home.fee and f"€ {cents_text(home.fee)} per maand"
    return _known(
        ("overdracht-vraagprijs", price, price_text(listing)),
        (
            "overdracht-vraagprijs",
            "Oorspronkelijke vraagprijs",
            f"€ {number_text(was)}" if was != listing.price else None,
        ),
        ("overdracht-aangeboden-sinds", "Aangeboden sinds", _listed(home, day)),
        ("overdracht-status", "Status", status_text(listing)),
        (None, "Aanvaarding", "In overleg"),
        ("overdracht-bijdragevve", "Bijdrage VvE", fee),
    )


def _listed(home: Home, day: int) -> str:
    """Return the text since when a home is listed: hidden, relative, or a date."""
    if home.listed_hidden:
        return _HIDDEN
    listed = home.published.date()
    days = (FIRST_DAY + timedelta(days=day) - listed).days
    if days == 0:
        return "Vandaag"
    weeks = days // 7
    return f"{weeks} weken" if 2 <= weeks <= 8 else date_text(listed)


def _measures(home: Home) -> tuple[Fact, ...]:
    living = home.living_area and f"{number_text(home.living_area)} m²"
    plot = home.plot_area and f"{number_text(home.plot_area)} m²"
    volume = home.volume and f"{number_text(home.volume)} m³"
    inner = _known(
        ("afmetingen-gebruiksoppervlakten-wonen", "Wonen", living),
        (
            None,
            "Externe bergruimte",
            "4 m²" if living and home.number % 3 == 0 else None,
        ),
    )
    title = (
        Fact("afmetingen-gebruiksoppervlakten", "Gebruiksoppervlakten", under=inner),
    )
    return (
        *(title if inner else ()),
        *_known((None, "Perceel", plot), ("afmetingen-inhoud", "Inhoud", volume)),
    )


def _known(*rows: tuple[str | None, str, str | int | None]) -> tuple[Fact, ...]:
    """Return the rows that have a value as facts."""
    return tuple(Fact(name, label, str(value)) for name, label, value in rows if value)


def _subtype_label(home: Home) -> str:
    return "Soort appartement" if home.kind == "apartment" else "Soort woonhuis"


def _built_label(built: str | None) -> str:
    return "Bouwjaar" if built and built.isdigit() else "Bouwperiode"


def _list(facts: Sequence[Fact], form: int) -> str:
    """Return facts as a definition list, in one of the three forms found on real pages.

    In form 0, the rows of a title are a list inside its `dd`; in form 1, the title is a
    `dt` without a `dd`; form 2 is form 0 with each pair wrapped in a `div`.
    """
    return f"<dl>{''.join(_pair(fact, form) for fact in facts)}</dl>"


def _pair(fact: Fact, form: int) -> str:
    title = f"<dt>{fact.label}</dt>"
    if not fact.under:
        pair = f"{title}<dd>{_answer(fact)}</dd>"
        return f"<div>{pair}</div>" if form == 2 else pair
    if form == 1:
        return title + "".join(_pair(each, form) for each in fact.under)
    inner = f"{title}<dd>{_list(fact.under, form)}</dd>"
    return f"<div>{inner}</div>" if form == 2 else inner


def _answer(fact: Fact) -> str:
    if fact.name == "energie-energielabel":
        return f'<span class="label">{fact.value}</span> <span>{_QUESTION}</span>'
    return f"<span>{html.escape(fact.value)}</span>"


def _payload(listing: Listing, groups: dict[str, tuple[Fact, ...]]) -> str:
    home = listing.home
    features = [
        {"Id": name.lower(), "Title": name, "KenmerkenList": [_row(f) for f in facts]}
        for name, facts in groups.items()
    ]
    cached = {
        "globalId": home.global_id,
        "tinyId": home.listing_id,
        "friendlyUrlSlug": f"{home.slug}-{home.slug_id}",
        "description": {"content": _description(home)},
        "coordinates": {"lat": home.latitude, "lng": home.longitude},
        "features": features,
        "objectInsights": {"views": home.photos * 31, "saves": home.photos},
        "isSoldOrRented": listing.is_closed,
        "salesHistory": None,
    }
    insights = {"inhabitants": 1_200 + home.number}
    state = {
        "data": Tagged(
            "ShallowReactive",
            {
                "cachedListingData_nl": Tagged("Ref", cached),
                f"localInsights-{home.town.slug}/{home.quarter}": insights,
            },
        ),
        "state": Tagged("Reactive", {}),
        "once": set(),
        "serverRendered": True,
    }
    return state_script(state)


def _row(fact: Fact) -> dict[str, object]:
    row: dict[str, object] = {"Label": fact.label, "Value": fact.value}
    if fact.name is not None:
        row["Id"] = fact.name
    if fact.name == "energie-energielabel":
        row |= {"Value": _QUESTION, "EnergyData": {"EnergyLabel": fact.value}}
    if fact.under:
        row |= {"LabelStyle": "Title", "KenmerkenList": [_row(f) for f in fact.under]}
    return row


def _linked_data(listing: Listing, site: str) -> str:
    home = listing.home
    thing = {
        "@context": "https://schema.org",
        "@type": [_TYPES[home.kind], "Product"],
        "name": home.address,
        "url": f"{site}{listing.path}",
        "description": _description(home),
        # without the postal code, which is only in the title
        "address": {
            "@type": "PostalAddress",
            "streetAddress": home.address,
            "addressLocality": home.town.name,
            "addressRegion": home.town.province,
        },
        "offers": {"@type": "Offer", "priceCurrency": "EUR", "price": listing.price},
        "photo": [
            {"contentUrl": f"{site}/foto/{home.global_id}/{number}"}
            for number in range(home.photos)
        ],
    }
    crumbs = {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name}
            for place, name in enumerate(
                (home.town.province, home.town.name, home.quarter), 1
            )
        ],
    }
    return "".join(
        f'<script type="application/ld+json">{json.dumps(each)}</script>'
        for each in (thing, crumbs)
    )


def _description(home: Home) -> str:
    """Return a home's description, with line breaks and quotes as real ones have."""
    return (
        f"Welkom aan {home.street} {home.number} in {home.quarter}!\n\n"
        f'"Een plek om te blijven", zegt {home.agent.name.strip()} — van de kade tot '
        "aan het café op de hoek.\nBel voor een bezichtiging; er is 100% licht."
    )
