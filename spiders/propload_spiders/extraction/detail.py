"""Read detail pages: from the payload, JSON-LD and the lists in the markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from parsel import Selector

from propload_spiders.extraction.addresses import absolute, read_listing_url
from propload_spiders.extraction.cards import read_agent
from propload_spiders.extraction.definitions import definition_rows
from propload_spiders.extraction.kinds import title_of
from propload_spiders.extraction.payload import find_payload
from propload_spiders.extraction.rows import Row, features_of, fields_of, visible
from propload_spiders.extraction.scripts import (
    linked_data,
    listed_crumbs,
    own_address,
    types_of,
)
from propload_spiders.extraction.texts import get_path, joined, rows_of, text_of

if TYPE_CHECKING:
    from propload_spiders.extraction.addresses import ListingAddress
    from propload_spiders.items import ListingItem

#: The key's prefix, which the language follows: `cachedListingData_nl`.
_LISTING = "cachedListingData"
#: The position of the neighbourhood in the page's path (BreadcrumbList).
_NEIGHBOURHOOD = "3"
#: A postal code, which only the page's title is sure to have.
_POSTAL_CODE = re.compile(r"\b[1-9]\d{3} ?[A-Z]{2}\b")


def read_detail(html: str, /, *, url: str, scraped_at: str) -> ListingItem | None:
    """Return the listing of a detail page; None if the page holds none.

    Args:
        html: The page.
        url: The address that it was read from.
        scraped_at: When it was read, as in `ListingItem`.
    """
    listing = _payload_listing(html)
    linked = _linked_listing(html)
    rows = list(_payload_rows(listing)) or list(definition_rows(html))
    address = _address(html, url, linked)
    if address is None or not (listing or linked or rows):
        return None
    fields: dict[str, str] = {}
    for texts in (
        {"status_text": _closed_status(listing, address)},
        read_agent(Selector(html, type="html")),
        _title_texts(html),
        _linked_texts(linked, address.offering),
        {"neighbourhood": _third_crumb(html, linked)},
        _payload_texts(listing),
        fields_of(rows),
    ):
        fields.update({name: text for name, text in texts.items() if text})
    return address.item("detail", scraped_at, features=features_of(rows), **fields)


def gone_item(url: str, /, *, scraped_at: str) -> ListingItem | None:
    """Return the item of a listing whose page no longer exists.

    Its status is `withdrawn`, unless its address says that it was sold or rented: the
    site removes the pages of old sales, whose status stays. Returns None if the address
    is not that of a listing.
    """
    address = read_listing_url(url)
    if address is None:
        return None
    status = None if address.sold else "withdrawn"
    return address.item("gone", scraped_at, status_text=status)


def _address(
    html: str, url: str, linked: Mapping[str, object]
) -> ListingAddress | None:
    """Return the listing's address: the page's URL, or else one stated on the page."""
    stated_urls = (url, own_address(html), text_of(linked.get("url")))
    addresses = (
        read_listing_url(absolute(url, stated_url or "")) for stated_url in stated_urls
    )
    return next(filter(None, addresses), None)


def _payload_listing(html: str) -> Mapping[str, object]:
    payload = find_payload(html)
    if payload is None:
        return {}
    keys = [key for key in payload.keys("data") if key.startswith(_LISTING)]
    for key in keys:
        listing = payload.at("data", key)
        if isinstance(listing, Mapping):
            return listing
    return {}


def _payload_rows(listing: Mapping[str, object]) -> Iterator[Row]:
    for group in rows_of(listing.get("features")):
        title = text_of(group.get("Title"))
        yield from _nested_rows(group, (title,) if title else ())


def _nested_rows(part: Mapping[str, object], titles: tuple[str, ...]) -> Iterator[Row]:
    for entry in rows_of(part.get("KenmerkenList")):
        label = text_of(entry.get("Label")) or text_of(entry.get("Id")) or "?"
        path = (*titles, label.strip())
        value = visible(joined([text_of(entry.get("Value")) or ""]))
        value = text_of(get_path(entry, "EnergyData", "EnergyLabel")) or value
        if value is not None:
            yield Row(path, value, text_of(entry.get("Id")))
        yield from _nested_rows(entry, path)


def _payload_texts(listing: Mapping[str, object]) -> dict[str, str | None]:
    return {
        "global_id": text_of(listing.get("globalId")),
        "description": text_of(get_path(listing, "description", "content")),
        "latitude": text_of(get_path(listing, "coordinates", "lat")),
        "longitude": text_of(get_path(listing, "coordinates", "lng")),
    }


def _closed_status(
    listing: Mapping[str, object], address: ListingAddress
) -> str | None:
    """Return `sold` or `rented` for a closed listing, otherwise None.

    The page's own status row, if there is one, takes precedence.
    """
    if listing.get("isSoldOrRented") is not True and not address.sold:
        return None
    return "rented" if address.offering == "huur" else "sold"


def _linked_listing(html: str) -> Mapping[str, object]:
    for thing in linked_data(html):
        is_list = {"BreadcrumbList", "ItemList"}.intersection(types_of(thing))
        if not is_list and ("offers" in thing or "address" in thing):
            return thing
    return {}


def _linked_texts(
    linked: Mapping[str, object], offering: str | None
) -> dict[str, str | None]:
    photos = linked.get("photo")
    return {
        # JSON-LD does not state the period of a rent, without which it is refused
        "price_text": None if offering == "huur" else _linked_price(linked),
        "address_text": text_of(get_path(linked, "address", "streetAddress")),
        "city": text_of(get_path(linked, "address", "addressLocality")),
        "province": text_of(get_path(linked, "address", "addressRegion")),
        "postal_code": text_of(get_path(linked, "address", "postalCode")),
        "description": text_of(linked.get("description")),
        "photo_count": str(len(photos)) if isinstance(photos, list) else None,
    }


def _third_crumb(html: str, linked: Mapping[str, object]) -> str | None:
    """Return the neighbourhood: the step after the city in the page's breadcrumbs."""
    for crumb in listed_crumbs(html):
        if text_of(crumb.get("position")) == _NEIGHBOURHOOD:
            named = text_of(crumb.get("name") or get_path(crumb, "item", "name")) or ""
            city = text_of(get_path(linked, "address", "addressLocality")) or ""
            return None if named.strip() == city.strip() else joined([named])
    return None


def _linked_price(linked: Mapping[str, object]) -> str | None:
    """Return the price, preceded by its currency unless that is the euro."""
    price = text_of(get_path(linked, "offers", "price"))
    currency = text_of(get_path(linked, "offers", "priceCurrency")) or "EUR"
    return price if currency == "EUR" or price is None else f"{currency} {price}"


def _title_texts(html: str) -> dict[str, str | None]:
    # the last match: a house number with its suffix looks like a postal code too, as in
    # `Hoofdweg 1024 HS 1057 AB Amsterdam`
    codes = _POSTAL_CODE.findall(title_of(html))
    return {"postal_code": codes[-1] if codes else None}
