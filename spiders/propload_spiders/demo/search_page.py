"""Render search pages of the demo site: payload, JSON-LD and cards."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

from propload_spiders.demo.devalue import UNDEFINED, Tagged, state_script
from propload_spiders.demo.wording import number_text, status_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload_spiders.demo.market import Listing
    from propload_spiders.demo.searching import Area, Query

_CONDITIONS = {
    "per_month": "/maand",
    "per_year": "/jaar",
    "kosten_koper": "k.k.",
    "vrij_op_naam": "v.o.n.",
}
#: The start of the icons' paths before the living area and the plot area.
_LIVING_ICON = "M38.5 32.25"
_PLOT_ICON = "M43 5.5"


def render_search(
    query: Query,
    listings: Sequence[Listing],
    /,
    *,
    total: int,
    areas: Sequence[Area],
    site: str,
    has_payload: bool,
    has_linked_data: bool,
) -> str:
    """Return a search page.

    Args:
        query: The search.
        listings: The listings on this page.
        total: The number of listings of the whole search.
        areas: The areas of the search; empty for the whole country.
        site: The site's address, for absolute addresses.
        has_payload: Whether the page contains the payload.
        has_linked_data: Whether the page contains JSON-LD.
    """
    noun = "koopwoningen" if query.offering == "buy" else "huurwoningen"
    where = ", ".join(area.name for area in areas) or "Nederland"
    linked = _linked_data(listings, site) if has_linked_data else ""
    payload = _payload(query, listings, total, areas) if has_payload else ""
    cards = "".join(_card(listing) for listing in listings)
    heading = f"{number_text(total)} {noun} "
    return (
        '<!DOCTYPE html><html lang="nl-NL"><head><meta charset="utf-8">'
        f"<title>{noun.capitalize()} {where} | Demo</title>{linked}</head><body>"
        f'<div id="__nuxt"><h1 data-testid="pageHeader"><div>{heading}<!----></div>'
        f"<div>in {where}</div></h1>{cards}</div>{payload}</body></html>"
    )


def _linked_data(listings: Sequence[Listing], site: str) -> str:
    elements = [
        {"@type": "ListItem", "position": place, "url": f"{site}{listing.path}"}
        for place, listing in enumerate(listings, 1)
    ]
    block = {
        "@context": "https://schema.org",
        "@type": ["ItemList", "WebPage"],
        # as on the real site, the name is the same on every page, for rent too
        "name": "Koopwoningen Nederland - Huizen te koop in Nederland",
        "itemListElement": elements,
    }
    kind = 'type="application/ld+json" data-hid="result-list-metadata"'
    return f"<script {kind}>{json.dumps(block)}</script>"


def _payload(
    query: Query, listings: Sequence[Listing], total: int, areas: Sequence[Area]
) -> str:
    search = {
        "criteria": Tagged("Reactive", _criteria(query, areas)),
        "listings": Tagged("Ref", [_listing(each) for each in listings]),
        "totalListingsCount": Tagged("Ref", total),
        "aggregations": Tagged("Ref", {}),
        "filterToFocusInPanel": Tagged("EmptyRef", "null"),
        "isModalOpen": Tagged("EmptyRef", "false"),
    }
    state = {
        "data": Tagged("ShallowReactive", {"fetchListings": True}),
        "state": Tagged("Reactive", {"$sfunda.shell.state.auth.user": UNDEFINED}),
        "once": set(),
        "_errors": Tagged("ShallowReactive", {"fetchListings": None}),
        "serverRendered": True,
        "path": "/zoeken",
        "pinia": Tagged("Reactive", {"search": search}),
    }
    return state_script(state)


def _criteria(query: Query, areas: Sequence[Area]) -> dict[str, object]:
    return {
        "selected_area": [
            {
                "id": f"{area.identifier}-0",
                "geoIdentifier": area.identifier,
                "name": area.name,
                "areaType": area.kind,
                "geographicalArea": {"0": {"coordinates": [[[4.37, 52.02]]]}},
            }
            for area in areas
        ],
        "offering_type": query.offering,
        "page": query.page,
        "type": ["single"],
        "sort": {"field": "publish_date_utc", "order": "desc"},
    }


def _listing(listing: Listing) -> dict[str, object]:
    """Return a listing as in payloads, in which unknown values have no key."""
    home = listing.home
    payload_values: dict[str, object] = {
        "id": home.global_id,
        "object_detail_page_relative_url": listing.path,
        "offering_type": [home.offering],
        "type": "single",
        "zoning": "residential",
        "object_type": home.kind,
        "construction_type": "newly_built" if home.is_new else "resale",
        "status": listing.status,
        "price": _price(listing),
        "energy_label": home.label or "unknown",
        "publish_date": home.published_text,
        "address": _address(listing),
        "agent": [_agent(listing)],
        "photo_image_id": [f"demo/{home.global_id}/{n}" for n in range(home.photos)],
        "available_media_types": [],
    }
    measures = {"floor_area": home.living_area, "plot_area": home.plot_area}
    for name, area in measures.items():
        if area is not None:
            payload_values[name] = [area]
            payload_values[f"{name}_range"] = {"gte": area, "lte": area}
    counts = {"number_of_rooms": home.rooms, "number_of_bedrooms": home.bedrooms}
    return payload_values | {
        name: count for name, count in counts.items() if count is not None
    }


def _price(listing: Listing) -> dict[str, object]:
    kind = "selling" if listing.home.offering == "buy" else "rent"
    return {
        f"{kind}_price": [listing.price],
        f"{kind}_price_condition": listing.home.condition,
        f"{kind}_price_type": "regular",
        f"{kind}_price_range": {"gte": listing.price, "lte": listing.price},
    }


def _address(listing: Listing) -> dict[str, object]:
    home = listing.home
    address: dict[str, object] = {
        "country": "NL",
        "province": home.town.province,
        "municipality": home.town.municipality,
        "city": home.town.name,
        "wijk": f"Wijk {home.town.postal % 100} {home.quarter}",
        "neighbourhood": home.quarter,
        "street_name": home.street,
        "house_number": str(home.number),
        "postal_code": home.postal_code,
        "is_bag_address": True,
        "identifiers": ["nl", home.town.slug, home.postal_code.lower()],
    }
    return address | ({"house_number_suffix": home.suffix} if home.suffix else {})


def _agent(listing: Listing) -> dict[str, object]:
    agent = listing.home.agent
    return {
        "id": agent.number,
        "name": agent.name,
        "association": "NVM",
        "relative_url": agent.path,
        "is_primary": True,
    }


def _card(listing: Listing) -> str:
    home = listing.home
    badge = "Nieuw" if listing.status == "none" else status_text(listing)
    condition = _CONDITIONS[home.condition]
    facts = (
        (_LIVING_ICON, home.living_area and f"{number_text(home.living_area)} m²"),
        (_PLOT_ICON, home.plot_area and f"{number_text(home.plot_area)} m²"),
        ("", home.bedrooms),
        ("", home.label),
    )
    rows = "".join(
        f'<li><svg><path d="{icon}"></path></svg><span>{fact}</span></li>'
        for icon, fact in facts
        if fact
    )
    return (
        f'<div class="@container border-b pb-3"><div><span>{badge}</span></div>'
        f'<h2><a href="{listing.path}" data-testid="listingDetailsAddress">'
        f'<div class="flex"><span>{html.escape(home.address)} </span></div>'
        f'<div class="truncate">{home.spaced_code} {home.town.name} </div></a></h2>'
        f'<div class="font-semibold">€ {number_text(listing.price)} {condition}</div>'
        f'<ul>{rows}</ul><a href="{home.agent.path}">{html.escape(home.agent.name)}</a>'
        "</div>"
    )
