"""JSON-LD blocks and the address that a page gives itself."""

from __future__ import annotations

import html as entities
import json
import re
from typing import TYPE_CHECKING

from propload_spiders.extraction.texts import branch, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK = re.compile(
    r"<script\b[^>]*\btype=[\"']?application/ld\+json\b[^>]*>(.*?)</script>",
    re.DOTALL | re.IGNORECASE,
)
_CANONICAL = re.compile(
    r"<link\b(?=[^>]*\brel=[\"']?canonical\b)[^>]*\bhref=\"([^\"]+)\"", re.IGNORECASE
)
_OPEN_GRAPH = re.compile(
    r"<meta\b(?=[^>]*\bproperty=[\"']?og:url\b)[^>]*\bcontent=\"([^\"]+)\"",
    re.IGNORECASE,
)
#: Browsers write where a saved page came from into its first lines.
_SAVED_FROM = re.compile(r"<!-- saved from url=\(\d+\)(\S+) -->")


def linked_data(html: str, /) -> list[Mapping[str, object]]:
    """Return the objects of a page's JSON-LD blocks; unreadable ones are left out."""
    found: list[Mapping[str, object]] = []
    for block in _BLOCK.findall(html):
        try:
            value = json.loads(block)
        except (json.JSONDecodeError, RecursionError):
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
    for pattern in (_CANONICAL, _OPEN_GRAPH, _SAVED_FROM):
        found = pattern.search(html)
        if found:
            return entities.unescape(found[1])
    return None
