"""Find the listings of the demo site that match a search address."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlsplit

from propload_spiders.demo.homes import FIRST_DAY
from propload_spiders.demo.places import TOWNS, slug_of
from propload_spiders.extraction.addresses import RADII

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload_spiders.demo.homes import Home
    from propload_spiders.demo.market import Listing
    from propload_spiders.demo.places import Town
    from propload_spiders.extraction.addresses import Offering

_OPEN = ("none", "under_bid", "sold_under_reservation", "rented_under_reservation")
_AVAILABILITY: Mapping[str, tuple[str, ...]] = {
    "available": ("none",),
    "negotiations": _OPEN[1:],
    "unavailable": ("sold", "rented"),
}


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search address.

    Attributes:
        path: The address with its query.
        offering: Whether homes for sale or for rent are searched.
        page: The page's number.
        parameters: The other parameters, decoded.
    """

    path: str
    offering: Offering
    page: int
    parameters: Mapping[str, object] = field(compare=False)

    @property
    def areas(self) -> tuple[str, ...]:
        """The requested areas, each perhaps with a radius."""
        asked = self.parameters.get("selected_area", [])
        return tuple(str(each) for each in asked) if isinstance(asked, list) else ()

    @property
    def whole(self) -> Query:
        """The same search without a page number, which is equal for all its pages."""
        parts = self.path.split("&")
        kept = (each for each in parts if not each.startswith("search_result="))
        return replace(self, path="&".join(kept), page=1)


@dataclass(frozen=True, slots=True)
class Area:
    """An area that the site knows: its slug, its name, and its kind."""

    identifier: str
    name: str
    kind: Literal["city", "municipality", "neighbourhood", "postcode", "province"]

    def holds(self, home: Home) -> bool:
        """Return whether a home is in the area."""
        if self.kind == "postcode":
            return home.postal_code.startswith(self.name)
        own = {
            "city": home.town.name,
            "municipality": home.town.municipality,
            "neighbourhood": home.quarter,
            "province": home.town.province,
        }
        return own[self.kind] == self.name


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search: its listings in order, and the areas it covers.

    If `is_elsewhere`, none of the requested areas is known.
    """

    listings: Sequence[Listing]
    areas: tuple[Area, ...]
    is_elsewhere: bool


def read_query(path: str, /) -> Query | None:
    """Return the parsed search address; None for any other address."""
    parts = urlsplit(path)
    offerings: dict[str, Offering] = {"/zoeken/koop": "buy", "/zoeken/huur": "rent"}
    offering = offerings.get(parts.path.rstrip("/"))
    if offering is None:
        return None
    decoded = {name: _decoded(text) for name, text in parse_qsl(parts.query)}
    page = str(decoded.pop("search_result", 1))
    number = int(page) if page.isdecimal() else 1
    return Query(path, offering, max(number, 1), decoded)


def find(
    query: Query, market: Mapping[str, Listing], day: int, *, unknown: str
) -> SearchResult:
    """Return the result of a search on a day.

    Args:
        query: The search.
        market: All listings of the day.
        day: The day, for filters on the date.
        unknown: What an unknown area finds: everything (`nationwide`) or `empty`.
    """
    areas = [_area(slug.partition(",")[0]) for slug in query.areas]
    areas_known = tuple(area for area in areas if area is not None)
    is_elsewhere = bool(query.areas) and not areas_known
    if (is_elsewhere and unknown == "empty") or not _is_reach_known(query.areas):
        return SearchResult((), areas_known, is_elsewhere)
    listings = [
        listing
        for listing in market.values()
        if listing.home.offering == query.offering
        and (not areas_known or any(area.holds(listing.home) for area in areas_known))
        and _is_wanted(listing, query.parameters, day)
    ]
    listings.sort(key=lambda listing: (listing.home.published, listing.home.listing_id))
    if query.parameters.get("sort") == "price_up":
        listings.sort(key=lambda listing: -listing.price)
    return SearchResult(listings[::-1], areas_known, is_elsewhere)


def _decoded(text: str) -> object:
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError:
        return text.split(",") if "," in text else text
    return value


def _is_reach_known(areas: Sequence[str]) -> bool:
    """Return whether the site offers each radius; with any other it finds nothing."""
    reaches = [area.partition(",")[2].removesuffix("km") for area in areas]
    return all(not reach or reach in map(str, RADII) for reach in reaches)


def _area(slug: str) -> Area | None:
    """Return the area with a slug; for an unknown neighbourhood, its city."""
    for town in TOWNS:
        if slug == f"gemeente-{slug_of(town.municipality)}":
            return Area(slug, town.municipality, "municipality")
        if slug == f"provincie-{slug_of(town.province)}":
            return Area(slug, town.province, "province")
        if slug.partition("/")[0] == town.slug:
            return _inside(town, slug)
    return Area(slug, slug.upper(), "postcode") if slug[:4].isdigit() else None


def _inside(town: Town, slug: str) -> Area:
    quarter = slug.partition("/")[2]
    for name in town.quarters:
        if quarter == slug_of(name):
            return Area(slug, name, "neighbourhood")
    return Area(town.slug, town.name, "city")


def _is_wanted(listing: Listing, parameters: Mapping[str, object], day: int) -> bool:
    home = listing.home
    chosen = parameters.get("availability", ["available", "negotiations"])
    names = chosen if isinstance(chosen, list) else [chosen]
    statuses = {status for name in names for status in _AVAILABILITY.get(str(name), ())}
    ranges = {
        "price": listing.price,
        "floor_area": home.living_area,
        "plot_area": home.plot_area,
        "rooms": home.rooms,
        "bedrooms": home.bedrooms,
    }
    lists = {"object_type": home.kind, "energy_label": home.label}
    return (
        listing.status in statuses
        and all(_is_within(each, parameters.get(name)) for name, each in ranges.items())
        and all(_is_among(each, parameters.get(name)) for name, each in lists.items())
        and _is_recent(home, parameters.get("publication_date"), day)
    )


def _is_within(value: int | None, span: object) -> bool:
    if span is None:
        return True
    low, _, high = str(span).partition("-")
    if value is None:
        return False
    return value >= int(low or 0) and (not high or value <= int(high))


def _is_among(value: str | None, names: object) -> bool:
    return names is None or value in (names if isinstance(names, list) else [names])


def _is_recent(home: Home, days: object, day: int) -> bool:
    if not str(days).isdecimal():
        return True
    since = FIRST_DAY + timedelta(days=day - int(str(days)))
    return home.published.date() >= since
