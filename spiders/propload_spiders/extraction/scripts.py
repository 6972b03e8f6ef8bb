"""Read JSON-LD blocks, and the address that a page states for itself."""

from __future__ import annotations

import html as entities
import json
import re
from typing import TYPE_CHECKING

from propload_spiders.extraction.tags import elements, tags
from propload_spiders.extraction.texts import get_path, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINKED_DATA = re.compile(r"\btype=[\"']?application/ld\+json\b", re.IGNORECASE)
#: Where a page states its address: the tag, the attribute that identifies it, and the
#: attribute with the address.
_ADDRESSES = tuple(
    (tag, re.compile(mark, re.IGNORECASE), re.compile(place, re.IGNORECASE))
    for tag, mark, place in (
        ("link", r"\brel=[\"']?canonical\b", r"\bhref=\"([^\"]+)\""),
        ("meta", r"\bproperty=[\"']?og:url\b", r"\bcontent=\"([^\"]+)\""),
    )
)
#: The comment near the top of a saved page, in which browsers note its address.
_SAVED_FROM = re.compile(r"<!-- saved from url=\(\d+\)(\S+) -->")


def linked_data(html: str, /) -> list[Mapping[str, object]]:
    """Return the objects of a page's JSON-LD blocks, without unreadable blocks."""
    objects: list[Mapping[str, object]] = []
    for attributes, block in elements(html, "script"):
        if not _LINKED_DATA.search(attributes):
            continue
        try:
            value = json.loads(block)
        except (ValueError, RecursionError):
            continue
        objects += rows_of(value if isinstance(value, list) else [value])
    return objects


def types_of(thing: Mapping[str, object], /) -> list[str]:
    """Return the types of a JSON-LD object."""
    types = thing.get("@type")
    return [str(each) for each in (types if isinstance(types, list) else [types])]


def listed_urls(html: str, /) -> list[str]:
    """Return the addresses in a page's JSON-LD ItemList, in order."""
    elements = _elements(html, "ItemList")
    urls = [
        element.get("url") or get_path(element, "item", "url") for element in elements
    ]
    return [url for url in urls if isinstance(url, str)]


def listed_crumbs(html: str, /) -> list[Mapping[str, object]]:
    """Return the elements of a page's JSON-LD BreadcrumbList, from the site down."""
    return _elements(html, "BreadcrumbList")


def _elements(html: str, kind: str) -> list[Mapping[str, object]]:
    """Return the elements of a page's JSON-LD lists of the given type."""
    return [
        element
        for thing in linked_data(html)
        if kind in types_of(thing)
        for element in rows_of(thing.get("itemListElement"))
    ]


def own_address(html: str, /) -> str | None:
    """Return the address that a page states for itself, or None."""
    for tag, mark, pattern in _ADDRESSES:
        for attributes in tags(html, tag):
            match = mark.search(attributes) and pattern.search(attributes)
            if match:
                return entities.unescape(match[1])
    match = _SAVED_FROM.search(html)
    return entities.unescape(match[1]) if match else None
