"""Build the demo site's response to each request, before it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Literal

from propload_spiders.demo.detail_page import render_detail
from propload_spiders.demo.search_page import render_search
from propload_spiders.demo.searching import Query, SearchResult, find, read_query
from propload_spiders.extraction.addresses import PAGE_SIZE, read_listing_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload_spiders.demo.market import Listing, Market
    from propload_spiders.demo.served import Served
    from propload_spiders.demo.traps import Traps

Fault = Literal["none", "reset", "cut"]

#: Rendered pages cached; the largest demo has about 3,000 detail pages of 12 kB.
_KEPT_PAGES = 8_000
#: Search results cached: every place with a few filters.
_KEPT_SEARCHES = 256

_BLOCK_PAGE = (
    '<!DOCTYPE html><html lang="nl"><head><meta charset="utf-8"><title>Je bent bijna '
    "op de pagina die je zoekt</title></head><body><h1>Even geduld</h1><p>We willen "
    "weten dat je geen robot bent.</p></body></html>"
)
_GONE_PAGE = (
    '<!DOCTYPE html><html lang="nl"><head><meta charset="utf-8"><title>Deze pagina '
    "kunnen we niet vinden</title></head><body><h1>Niet gevonden</h1></body></html>"
)
_ROBOTS = {
    "all": "User-agent: *\nDisallow: /mijn/\n",
    "details": "User-agent: *\nDisallow: /mijn/\nDisallow: /zoeken/\n",
    "nothing": "User-agent: *\nDisallow: /\n",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to one request.

    Attributes:
        kind: The kind that `Served` counts it as.
        body: The bytes of the body.
        status: The HTTP status.
        ids: The ids of the listings on the page.
        content_type: The type of the body.
        location: The address that a moved page redirects to.
        fault: How sending it fails.
        wait: Seconds to wait before it is sent.
    """

    kind: str
    body: bytes = b""
    status: int = 200
    ids: tuple[str, ...] = ()
    content_type: str = "text/html; charset=utf-8"
    location: str | None = None
    fault: Fault = "none"
    wait: float = 0.0


class Responder:
    """Answers requests for one site; used by the server's thread only.

    Args:
        market: The listings of each day.
        traps: The traps that the site sets for a crawl.
        served: The record of what was sent, shown at `/__served__`.
        seed: The seed of the random failures.
    """

    def __init__(
        self, market: Market, traps: Traps, served: Served, /, *, seed: int
    ) -> None:
        self.day = 0
        self.site = ""
        self._market = market
        self._traps = traps
        self._served = served
        self._seed = seed
        self._dice = Random(f"{seed}/answers")
        self._pages = 0
        self._searches = 0
        self._emptied: set[Query] = set()
        self._find = lru_cache(maxsize=_KEPT_SEARCHES)(self._find_uncached)
        self._newcomers = lru_cache(maxsize=_KEPT_SEARCHES)(self._find_newcomers)
        self._detail = lru_cache(maxsize=_KEPT_PAGES)(self._render_detail)
        self._search = lru_cache(maxsize=_KEPT_PAGES)(self._render_search)

    def show(self, day: int, /) -> None:
        """Switch to a day, and reset the shifting of search results."""
        self._market.on(day)
        self.day = day
        self._searches = 0
        self._emptied.clear()

    def answer(self, path: str, /) -> Answer:
        """Return the response to a request for a path with its query."""
        if path == "/robots.txt":
            robots = _ROBOTS[self._traps.robots].encode()
            return Answer("robots", robots, content_type="text/plain")
        if path == "/__served__":
            values = json.dumps(self._served.as_values()).encode()
            return Answer("own", values, content_type="application/json")
        self._pages += 1
        traps = self._traps
        if traps.block_after is not None and self._pages > traps.block_after:
            return Answer("blocked", _BLOCK_PAGE.encode(), traps.block_status)
        wait = traps.slow_seconds if self._throw(traps.slow) else 0.0
        if self._throw(traps.failing):
            return self._failure(wait)
        return self._page(path, wait)

    def _throw(self, share: float) -> bool:
        return share > 0 and self._dice.random() < share

    def _failure(self, wait: float) -> Answer:
        body = b"<html><title>Er ging iets mis</title></html>"
        fault: Fault = self._dice.choice(("none", "none", "reset", "cut"))
        status = self._dice.choice((500, 503)) if fault == "none" else 200
        return Answer("failed", body, status, fault=fault, wait=wait)

    def _page(self, path: str, wait: float) -> Answer:
        query = read_query(path)
        if query is not None:
            return self._search_answer(query, wait)
        address = read_listing_url(path)
        listing = self._listing(address.listing_id) if address else None
        if listing is None or self._is_gone(listing):
            ids = (address.listing_id,) if address else ()
            return Answer("gone", _GONE_PAGE.encode(), 404, ids, wait=wait)
        if path != listing.path:
            return Answer("moved", b"", 301, location=listing.path, wait=wait)
        key = listing.home.listing_id
        return Answer("detail", self._detail(key, self.day), ids=(key,), wait=wait)

    def _listing(self, key: str) -> Listing | None:
        """Return a listing of the day, or one that arrives during the crawl."""
        today = self._market.on(self.day).get(key)
        if today is not None or not self._traps.shift_every:
            return today
        return self._market.on(self.day + 1).get(key)

    def _is_gone(self, listing: Listing) -> bool:
        if listing.status == "withdrawn":
            return True
        key = f"{self._seed}/{listing.home.listing_id}/gone"
        return self._traps.gone > 0 and Random(key).random() < self._traps.gone

    def _search_answer(self, query: Query, wait: float) -> Answer:
        self._searches += 1
        result = self._find(query.whole, self.day)
        rows = self._shifted(query.whole, result.listings)
        listings = [] if self._is_emptied(query) else self._cut(rows, query.page)
        kind = "elsewhere" if result.is_elsewhere else "search"
        ids = tuple(listing.home.listing_id for listing in listings)
        body = self._search(query, self.day, ids, len(rows))
        return Answer(kind, body, ids=ids, wait=wait)

    def _shifted(self, query: Query, listings: Sequence[Listing]) -> Sequence[Listing]:
        """Return the listings after shifting: new ones on top, the newest removed."""
        traps = self._traps
        removed = self._searches // traps.drop_every if traps.drop_every else 0
        added = self._searches // traps.shift_every if traps.shift_every else 0
        if not (listings and (removed or added)):
            return listings
        new = self._newcomers(query, self.day)[:added]
        return [*new, *listings[min(removed, len(listings) // 2) :]]

    def _cut(self, rows: Sequence[Listing], page: int) -> Sequence[Listing]:
        last = max(-(-len(rows) // PAGE_SIZE), 1)
        if page > last and self._traps.past_end == "repeat":
            page = last
        return rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]

    def _is_emptied(self, query: Query) -> bool:
        if query.page in self._traps.empty_pages:
            return True
        is_first = query not in self._emptied
        self._emptied.add(query)
        return is_first and query.page in self._traps.empty_once

    def _find_uncached(self, query: Query, day: int) -> SearchResult:
        return find(query, self._market.on(day), day, unknown=self._traps.unknown_area)

    def _find_newcomers(self, query: Query, day: int) -> Sequence[Listing]:
        """Return the matching listings that will be new on the next day."""
        current = self._market.on(day)
        later = self._market.on(day + 1)
        new = {key: listing for key, listing in later.items() if key not in current}
        return find(query, new, day, unknown=self._traps.unknown_area).listings

    def _render_search(
        self, query: Query, day: int, ids: tuple[str, ...], total: int
    ) -> bytes:
        market = {**self._market.on(day + 1), **self._market.on(day)}
        throw = Random(f"{self._seed}/{query.path}/payload").random()
        share = self._traps.without_payload
        page = render_search(
            query,
            [market[key] for key in ids],
            total=total,
            areas=self._find(query.whole, day).areas,
            site=self.site,
            has_payload=throw >= share,
            has_linked_data=throw >= share / 2,
        )
        return page.encode()

    def _render_detail(self, key: str, day: int) -> bytes:
        throw = Random(f"{self._seed}/{key}/markup").random()
        today = self._market.on(day)
        page = render_detail(
            today[key] if key in today else self._market.on(day + 1)[key],
            site=self.site,
            day=day,
            has_payload=throw >= self._traps.markup_only,
        )
        return page.encode()
