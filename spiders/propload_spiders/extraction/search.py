"""Read search pages: the payload first, then JSON-LD, then the cards in the markup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from propload_spiders.extraction.addresses import absolute, read_listing_url
from propload_spiders.extraction.cards import read_cards
from propload_spiders.extraction.payload import Payload, find_payload
from propload_spiders.extraction.scripts import listed_urls
from propload_spiders.extraction.texts import get_path, measure_of, rows_of, text_of

if TYPE_CHECKING:
    from propload_spiders.items import ListingItem

Method = Literal["payload", "json-ld", "markup", "none"]

_SEARCH = ("pinia", "search")


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The contents of one search page.

    Attributes:
        items: Its listings, in page order, each once.
        total: Listings of the whole search according to the page; None if not stated.
        areas: The areas that the page shows; None if they are not stated, empty for the
            whole country.
        method: The part of the page that the listings came from.
        unread: The number of listings on the page that could not be read.
    """

    items: tuple[ListingItem, ...]
    total: int | None
    areas: tuple[str, ...] | None
    method: Method
    unread: int = 0

    @property
    def cities(self) -> tuple[str, ...]:
        """The city slugs in the listings' addresses."""
        addresses = [read_listing_url(item.url) for item in self.items]
        return tuple(each.city for each in addresses if each and each.city)


def read_search(html: str, /, *, url: str, scraped_at: str) -> SearchPage:
    """Return the listings of a search page.

    Args:
        html: The page.
        url: Its address, to which links are relative.
        scraped_at: When it was read, as in `ListingItem`.
    """
    payload = find_payload(html)
    items, unread = _payload_items(payload, url, scraped_at)
    total = _payload_total(payload)
    method: Method = "payload"
    items_by_id = {item.listing_id: item for item in items}
    listed = _linked_items(html, url, scraped_at)
    # parsing the markup takes ten times as long, so only if something is missing
    if not items_by_id or listed.keys() - items_by_id.keys():
        cards = read_cards(html, url=url, scraped_at=scraped_at)
        total = cards.total if total is None else total
        if not items_by_id:
            method = "json-ld" if listed else "markup" if cards.items else "none"
        for key, item in {**cards.items, **listed}.items():
            items_by_id.setdefault(
                key, item.fill_missing_from(cards.items.get(key, item))
            )
    missing = max(unread - (len(items_by_id) - len(items)), 0)
    return SearchPage(
        tuple(items_by_id.values()), total, _areas(payload), method, unread=missing
    )


def _payload_items(
    payload: Payload | None, url: str, scraped_at: str
) -> tuple[list[ListingItem], int]:
    """Return the payload's listings, and how many others in it cannot be read."""
    if payload is None:
        return [], 0
    items = [
        _item(payload.at(*_SEARCH, "listings", position), url, scraped_at)
        for position in range(payload.size(*_SEARCH, "listings"))
    ]
    read = [item for item in items if item is not None]
    return read, len(items) - len(read)


def _payload_total(payload: Payload | None) -> int | None:
    total = payload.at(*_SEARCH, "totalListingsCount") if payload else None
    return total if isinstance(total, int) else None


def _areas(payload: Payload | None) -> tuple[str, ...] | None:
    """Return the areas of the search according to the payload; None if unknown."""
    path = (*_SEARCH, "criteria", "selected_area")
    if payload is None or "selected_area" not in payload.keys(*path[:-1]):
        return None
    names = [
        payload.at(*path, position, "geoIdentifier")
        for position in range(payload.size(*path))
    ]
    # an area without an identifier could be any area
    return None if None in names else tuple(map(str, names))


def _linked_items(html: str, url: str, scraped_at: str) -> dict[str, ListingItem]:
    items_by_id: dict[str, ListingItem] = {}
    for link in listed_urls(html):
        address = read_listing_url(absolute(url, link))
        if address is not None:
            items_by_id.setdefault(
                address.listing_id, address.item("search", scraped_at)
            )
    return items_by_id


def _item(listing: object, url: str, scraped_at: str) -> ListingItem | None:
    link = get_path(listing, "object_detail_page_relative_url")
    if not isinstance(listing, Mapping) or not isinstance(link, str):
        return None
    address = read_listing_url(absolute(url, link))
    if address is None:
        return None
    return address.item(
        "search",
        scraped_at,
        global_id=text_of(listing.get("id")),
        offering=text_of(listing.get("offering_type")),
        object_type=text_of(listing.get("object_type")),
        listing_type=text_of(listing.get("type")),
        status_text=text_of(listing.get("status")),
        construction_text=text_of(listing.get("construction_type")),
        listed_text=text_of(listing.get("publish_date")),
        energy_label_text=text_of(listing.get("energy_label")),
        photo_count=_count(listing.get("photo_image_id")),
        **_measures(listing),
        **_place(listing),
        **_agent(listing),
    )


def _measures(listing: Mapping[str, object]) -> dict[str, str | None]:
    price = get_path(listing, "price")
    return {
        "price_text": _measured(price, "selling_price"),
        "price_condition_text": text_of(get_path(price, "selling_price_condition")),
        "rent_text": _measured(price, "rent_price"),
        "rent_condition_text": text_of(get_path(price, "rent_price_condition")),
        "living_area_text": _measured(listing, "floor_area"),
        "plot_area_text": _measured(listing, "plot_area"),
        "rooms_text": text_of(listing.get("number_of_rooms")),
        "bedrooms_text": text_of(listing.get("number_of_bedrooms")),
    }


def _measured(thing: object, name: str) -> str | None:
    """Return a value; if there is only a range of one single value, return that."""
    least = get_path(thing, f"{name}_range", "gte")
    most = get_path(thing, f"{name}_range", "lte")
    value = measure_of(get_path(thing, name))
    return measure_of(least) if value is None and least == most else value


def _place(listing: Mapping[str, object]) -> dict[str, str | None]:
    names = {
        "street": "street_name",
        "house_number": "house_number",
        "house_number_suffix": "house_number_suffix",
        "postal_code": "postal_code",
        "city": "city",
        "municipality": "municipality",
        "district": "wijk",
        "neighbourhood": "neighbourhood",
        "province": "province",
        "country": "country",
    }
    return {
        field: text_of(get_path(listing, "address", name))
        for field, name in names.items()
    }


def _agent(listing: Mapping[str, object]) -> dict[str, str | None]:
    agents = rows_of(listing.get("agent"))
    primary = [agent for agent in agents if agent.get("is_primary")]
    agent = (primary or agents or [{}])[0]
    return {
        "agent_id": text_of(agent.get("id")),
        "agent_name": text_of(agent.get("name")),
    }


def _count(photos: object) -> str | None:
    return str(len(photos)) if isinstance(photos, list) else None
