"""JSON-LD blocks and the address that a page gives itself."""

from __future__ import annotations

import html as entities
import json
import re
from typing import TYPE_CHECKING

from propload_spiders.extraction.tags import elements, tags
from propload_spiders.extraction.texts import branch, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINKED_DATA = re.compile(r"\btype=[\"']?application/ld\+json\b", re.IGNORECASE)
#: Where a page says its address: a tag, what marks it, and what holds the address.
_ADDRESSES = tuple(
    (tag, re.compile(mark, re.IGNORECASE), re.compile(place, re.IGNORECASE))
    for tag, mark, place in (
        ("link", r"\brel=[\"']?canonical\b", r"\bhref=\"([^\"]+)\""),
        ("meta", r"\bproperty=[\"']?og:url\b", r"\bcontent=\"([^\"]+)\""),
    )
)
#: Browsers write into the first lines of a saved page where it came from.
_SAVED_FROM = re.compile(r"<!-- saved from url=\(\d+\)(\S+) -->")


def linked_data(html: str, /) -> list[Mapping[str, object]]:
    """Return the objects of a page's JSON-LD blocks; unreadable ones are left out."""
    found: list[Mapping[str, object]] = []
    for attributes, block in elements(html, "script"):
        if not _LINKED_DATA.search(attributes):
            continue
        try:
            value = json.loads(block)
        except (ValueError, RecursionError):
            continue
        found += rows_of(value if isinstance(value, list) else [value])
    return found


def types_of(thing: Mapping[str, object], /) -> list[str]:
    """Return the types of a JSON-LD object."""
    types = thing.get("@type")
    return [str(each) for each in (types if isinstance(types, list) else [types])]


def listed_urls(html: str, /) -> list[str]:
    """Return the addresses of a page's JSON-LD list, in its order."""
    elements = _elements(html, "ItemList")
    urls = [each.get("url") or branch(each, "item", "url") for each in elements]
    return [url for url in urls if isinstance(url, str)]


def listed_crumbs(html: str, /) -> list[Mapping[str, object]]:
    """Return the steps of a page's JSON-LD path, from the site down to the page."""
    return _elements(html, "BreadcrumbList")


def _elements(html: str, kind: str) -> list[Mapping[str, object]]:
    """Return the elements of a page's JSON-LD lists of a type."""
    return [
        element
        for thing in linked_data(html)
        if kind in types_of(thing)
        for element in rows_of(thing.get("itemListElement"))
    ]


def own_address(html: str, /) -> str | None:
    """Return the address that a page says it has, or None."""
    for tag, mark, place in _ADDRESSES:
        for attributes in tags(html, tag):
            found = mark.search(attributes) and place.search(attributes)
            if found:
                return entities.unescape(found[1])
    found = _SAVED_FROM.search(html)
    return entities.unescape(found[1]) if found else None
