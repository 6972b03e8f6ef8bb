"""The site's addresses: what a listing's URL says, and how search URLs are built."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, quote, urljoin, urlsplit, urlunsplit

from propload_spiders.items import ListingItem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Offering = Literal["buy", "rent"]

SITE = "https://www.funda.nl"
#: Listings on one search page.
PAGE_SIZE = 15
#: Radii of a search around a place, in kilometres; for any other the site sends an
#: empty page.
RADII = (1, 2, 5, 10, 15, 30, 50)

_SEGMENTS: Mapping[Offering, str] = {"buy": "koop", "rent": "huur"}
#: The id is at the end of the URL, or (old form) in the slug: `huis-42797899-street-1`.
_ID_AT_END = re.compile(r"/(\d{7,9})/?$")
_ID_IN_SLUG = re.compile(r"/[a-z-]+-(\d{7,9})-[^/]+/?$")
#: The old form of search addresses: `/koop/utrecht/p2/`.
_OLD_SEARCH = re.compile(r"^/(?:en/)?(?:koop|huur)/(?:verkocht/|verhuurd/)?[^/]+/?$")
_OLD_PAGE = re.compile(r"/p\d+/?$")
_PAGE_PAIR = re.compile(r"^search_result=")
_RADIUS = re.compile(r"^\+?(\d+)\s*km$", re.IGNORECASE)
_POSTAL_CODE = re.compile(r"^(\d{4})\s*([a-z]{2})$", re.IGNORECASE)
#: In `rijswijk-zh`, the province that distinguishes places of the same name.
_PROVINCE_SUFFIX = re.compile(r"-(?:dr|fl|fr|gld|gr|li|lb|nb|nh|ov|ut|ze|zh)$")


@dataclass(frozen=True, slots=True)
class ListingAddress:
    """What a listing's URL says.

    Attributes:
        url: The URL itself.
        listing_id: The digits that stay the same when status and slug change.
        offering: `koop` or `huur`, as in the URL.
        city: The city's slug.
        object_type: The first word of the slug: `huis`, `appartement`, ...
        sold: Whether the URL is that of a sold listing.
    """

    url: str
    listing_id: str
    offering: str | None
    city: str | None
    object_type: str | None
    sold: bool

    def item(self, page: str, scraped_at: str, /, **texts: str | None) -> ListingItem:
        """Return the item of the listing.

        Args:
            page: What it is read from, as in `ListingItem`.
            scraped_at: When it is read, as in `ListingItem`.
            **texts: The texts of the page, which take precedence over the URL's.
        """
        fields = {"offering": self.offering, "object_type": self.object_type}
        fields |= {field: text for field, text in texts.items() if text}
        return ListingItem(
            source="funda",
            listing_id=self.listing_id,
            url=self.url,
            scraped_at=scraped_at,
            page=page,
            **fields,
        )


def read_listing_url(url: str, /) -> ListingAddress | None:
    """Return what a listing's URL says; None for the URL of any other page."""
    path = _path(url)
    digits = _ID_AT_END.search(path) or _ID_IN_SLUG.search(path)
    if digits is None or "/makelaar" in path:
        return None
    segments = [part for part in path.split("/") if part]
    offering = next((part for part in segments if part in ("koop", "huur")), None)
    sold = "verkocht" in segments or "verhuurd" in segments
    after = segments[segments.index(offering) + 1 :] if offering else []
    places = [part for part in after if part not in ("verkocht", "verhuurd")]
    slug = places[1] if len(places) > 1 else ""
    return ListingAddress(
        url,
        digits[1],
        offering,
        places[0] if len(places) > 1 else None,
        slug.split("-")[0] or None,
        sold,
    )


def absolute(page: str, link: str, /) -> str:
    """Return the absolute address of a page's link; "" if it is malformed."""
    try:
        return urljoin(page, link)
    except ValueError:
        # brackets without an IPv6 address in them
        return ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        # as in `absolute`
        return ""


def is_search_url(url: str, /) -> bool:
    """Return whether a URL is that of a search page."""
    return "zoeken" in _path(url).split("/")


def is_old_search_url(url: str, /) -> bool:
    """Return whether a URL is that of a search in the site's old form."""
    return _OLD_SEARCH.match(_OLD_PAGE.sub("/", _path(url))) is not None


def split_places(text: str | Sequence[str], /) -> tuple[str, ...]:
    """Return the slugs of places, given as `amsterdam, den haag,5km, 2611 DX`.

    A radius belongs to the place before it. Order is kept, duplicates are dropped.

    Raises:
        ValueError: A radius has no place before it, or the site does not offer it.
    """
    parts = (text if isinstance(text, str) else ",".join(text)).split(",")
    places: list[str] = []
    for part in filter(None, map(str.strip, parts)):
        radius = _RADIUS.match(part)
        if radius is None:
            places.append(_slug(part))
        elif places:
            places[-1] = f"{places[-1]},{_checked_radius(radius[1])}"
        else:
            msg = f"radius {part!r} has no place before it"
            raise ValueError(msg)
    return tuple(dict.fromkeys(places))


def search_url(
    base: str,
    offering: Offering,
    place: str,
    page: int,
    filters: Mapping[str, object],
    /,
) -> str:
    """Return the address of one page of a search.

    Args:
        base: The site, without a trailing slash.
        offering: Whether homes for sale or for rent are searched.
        place: A slug, perhaps with a radius: `den-haag,5km`; empty for anywhere.
        page: The page's number, from 1.
        filters: Parameters of the site and their values.
    """
    areas = {"selected_area": [place]} if place else {}
    pages = {"search_result": page} if page > 1 else {}
    query = "&".join(
        f"{name}={quote(json.dumps(value, separators=(',', ':')), safe='')}"
        for name, value in {**areas, **filters, **pages}.items()
    )
    path = f"{base}/zoeken/{_SEGMENTS[offering]}"
    return f"{path}?{query}" if query else path


def place_of(url: str, /) -> str:
    """Return the place of a search address; "" if it has none or several."""
    areas = parse_qs(urlsplit(url).query).get("selected_area", [""])[0]
    try:
        named = json.loads(areas)
    except json.JSONDecodeError:
        named = areas.split(",")
    return str(named[0]) if isinstance(named, list) and len(named) == 1 else ""


def is_area_served(
    place: str, identifiers: Sequence[str] | None, cities: Sequence[str], /
) -> bool:
    """Return whether a search page shows the place that was asked for.

    The site silently ignores an unknown area and serves the whole country; for an
    unknown neighbourhood it serves the city.

    Args:
        place: The slug that was asked for, perhaps with a radius.
        identifiers: The areas of the page according to its payload; None if it does
            not say.
        cities: City slugs of the page's listings, by which a page without a payload
            is judged.
    """
    slug, _, radius = place.partition(",")
    if not slug:
        return True
    if identifiers is not None:
        return slug in (identifier.lower() for identifier in identifiers)
    if radius or not cities or not _is_city(slug):
        return True
    bare = _PROVINCE_SUFFIX.sub("", slug)
    return any(_PROVINCE_SUFFIX.sub("", city) == bare for city in cities)


def _is_city(slug: str) -> bool:
    wide = slug.startswith(("gemeente-", "provincie-", "regio-"))
    return not (wide or "/" in slug or slug[:4].isdigit())


def _checked_radius(kilometres: str) -> str:
    if int(kilometres) not in RADII:
        radii = ", ".join(str(each) for each in RADII)
        msg = f"radius {kilometres} km is not one that the site knows: {radii}"
        raise ValueError(msg)
    return f"{int(kilometres)}km"


def _slug(name: str) -> str:
    """Return a place's slug: `'s-Gravenhage` → `s-gravenhage`, `2611 DX` → `2611dx`."""
    plain = unicodedata.normalize("NFKD", name.lower())
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    code = _POSTAL_CODE.match(letters)
    if code:
        return code[1] + code[2]
    return re.sub(r"[\s_]+", "-", re.sub(r"[.'\u2019]", "", letters))


def page_url(search: str, page: int, /) -> str:
    """Return a search address with the page number replaced."""
    parts = urlsplit(search)
    kept = [
        pair for pair in parts.query.split("&") if pair and not _PAGE_PAIR.match(pair)
    ]
    pages = [f"search_result={page}"] if page > 1 else []
    return urlunsplit(parts._replace(query="&".join([*kept, *pages])))


def page_number(search: str, /) -> int:
    """Return the page number of a search address; 1 if it has none."""
    number = parse_qs(urlsplit(search).query).get("search_result", ["1"])[0]
    return int(number) if number.isdecimal() and int(number) else 1
