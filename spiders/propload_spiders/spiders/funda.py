"""The spiders `funda` (for sale or rent) and `funda-sold`.

They extract texts, which the mapping `funda` parses. `searching` reads what they are
asked for, `walking` pages through a search, and `manners` sets their pace.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request, Spider, signals
from scrapy.exceptions import CloseSpider

from propload.messages.wording import counted
from propload.sources.spiders.components import obey_site
from propload.sources.spiders.outcome import BLOCKED, FORBIDDEN, NOTHING_FOUND
from propload_spiders import counting, manners
from propload_spiders.answers import (
    asked_url,
    dropped_redirect_message,
    is_forbidden,
    kind_of_answer,
    listing_of,
    page_text,
    reason_of,
    redirected_elsewhere,
    refusal,
    request_of,
    was_cancelled,
)
from propload_spiders.arguments import check_names
from propload_spiders.extraction.addresses import is_area_served, is_search_url
from propload_spiders.extraction.search import SearchPage, read_search
from propload_spiders.extraction.texts import timestamp
from propload_spiders.saved import open_saved, stated_as_of
from propload_spiders.searching import ARGUMENTS, read_crawl_spec
from propload_spiders.seen import SeenListings
from propload_spiders.walking import Walk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import Self, TypeAlias

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

    from propload.sources.spiders import SpiderArgument
    from propload_spiders.items import ListingItem

    SpiderOutput: TypeAlias = Request | ListingItem

#: The priority of search pages over detail pages, as rows shift during a search.
_FIRST = 1


class FundaSpider(Spider):
    """Reads listings that are for sale or for rent.

    Yields one `ListingItem` for each listing. With details on, it combines the texts of
    the detail page and the search page, or has only those of the search page if the
    detail page cannot be fetched. The crawl finishes as `blocked` if the site refuses
    it, and as `robots` if robots.txt forbids every page.

    Args:
        name: Another name for the spider.
        **kwargs: Arguments, as listed in `arguments`.

    Raises:
        ConfigError: An argument is unknown or malformed, or there is nothing to crawl.
    """

    name = "funda"
    arguments: ClassVar[tuple[SpiderArgument, ...]] = ARGUMENTS
    #: The mapping and the schema for its items.
    mapping: ClassVar[str] = "funda"
    schema: ClassVar[str] = "listing"
    #: Filters that every search of this spider has.
    fixed_filters: ClassVar[Mapping[str, object]] = {}
    #: Statuses passed to the callbacks: refusals and missing pages are no failures.
    handle_httpstatus_list: ClassVar[list[int]] = [401, 403, 404, 410]

    def __init__(self, name: str | None = None, **kwargs: object) -> None:
        super().__init__(name)
        check_names(self.name, kwargs, self.arguments)
        self.spec = read_crawl_spec(self.name, kwargs)
        self._notes = counting.Notes(self)
        self._seen = SeenListings(self._notes)
        self._walked: dict[str, set[str]] = {}
        self._pages_read = 0

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Apply the settings of `manners`, unless the user has set them."""
        super().update_settings(settings)
        settings.update(manners.MANNERS, priority=manners.PRIORITY)

    # Any: Scrapy leaves open which arguments a spider takes
    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Return the spider, connected to the crawler and its settings."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        # not in `update_settings`, after which a runner can still set components
        obey_site(crawler.settings)
        manners.skip_delays_for_local_hosts(
            crawler, (*spider.spec.urls, spider.spec.base)
        )
        crawler.signals.connect(spider.on_idle, signal=signals.spider_idle)
        crawler.signals.connect(spider.on_dropped, signal=signals.request_dropped)
        return spider

    async def start(self) -> AsyncIterator[SpiderOutput]:
        """Yield the first request of each place, address or saved page."""
        for path in self.spec.files:
            yield Request(
                path.resolve().as_uri(),
                callback=self.parse_saved,
                errback=self.saved_failed,
                cb_kwargs={"path": str(path.resolve())},
                dont_filter=True,
            )
        for url in self.spec.urls:
            yield self._request_of(url)
        for place in self.spec.places:
            yield self._search_request(Walk(place))

    def parse_search(self, response: Response, walk: Walk) -> Iterator[SpiderOutput]:
        """Yield items or requests for detail pages, and a request for the next page."""
        kind = kind_of_answer(response)
        if kind == "blocked":
            yield from self._blocked(response)
        if kind == "gone":
            yield from self._search_lost(walk, f"HTTP {response.status}")
            return
        page = read_search(page_text(response), url=response.url, scraped_at=_now())
        if not is_area_served(walk.place, page.areas, page.cities):
            self._pages_read += 1
            self._notes.add_missing(
                counting.UNKNOWN_PLACES, walk.unknown_place_message(page)
            )
        elif walk.lacks_cards(page):
            yield from self._without_cards(walk, response)
        else:
            yield from self._listed(walk, page)

    def parse_detail(
        self, response: Response, known: ListingItem | None = None
    ) -> Iterator[SpiderOutput]:
        """Yield the item of a detail page, with gaps filled from the search page."""
        kind = kind_of_answer(response)
        if kind == "blocked":
            yield from self._blocked(response)
        self._seen.remove_pending(known)
        item = listing_of(response, kind, scraped_at=_now())
        is_gone = kind == "gone"
        self._notes.count(counting.WITHDRAWN if is_gone else counting.DETAIL_PAGES)
        self._pages_read += 1
        if redirected_elsewhere(response) and not is_gone:
            self._led_elsewhere(response, known, item)
            # these are two listings, which each keep their own texts
            yield from filter(None, (known, item))
            return
        if item is None:
            self._detail_lost(response.url, "it holds no listing", known)
        elif known is not None:
            item = item.fill_missing_from(known)
        yield from filter(None, (item or known,))

    def parse_saved(self, response: Response, path: str) -> Iterator[SpiderOutput]:
        """Yield the listings of a saved page."""
        as_of, base = stated_as_of(self.settings), self.spec.base
        page = open_saved(Path(path), response.body, base=base, as_of=as_of)
        if page.kind == "blocked":
            sentence = f"{path} is a saved block page, not listings: save it again"
            self._notes.add_missing(counting.BLOCKED, sentence)
            return
        self._notes.count(counting.SAVED_PAGES)
        self._notes.count(counting.DATED_BY_FILE, int(as_of is None))
        self._pages_read += 1
        items, unread = page.listings()
        if unread:
            self._unread(path, unread)
        elif not items:
            sentence = f"{path} holds no listing that can be read"
            self._notes.add_missing(counting.EMPTY_PAGES, sentence)
        # files come in any order, and a search page must not replace a detail page
        yield from self._seen.new(items, by_page=True)

    def search_failed(self, failure: Failure) -> Iterator[SpiderOutput]:
        """Continue with the page after a search page that could not be fetched."""
        request = request_of(failure)
        walk: Walk = request.cb_kwargs["walk"]
        refused = refusal(failure)
        if refused is not None:
            yield from self._blocked(refused)
        if is_forbidden(failure):
            self._notes.add_forbidden(request.url)
            return
        yield from self._search_lost(walk, reason_of(failure))

    def detail_failed(self, failure: Failure) -> Iterator[SpiderOutput]:
        """Yield the search page's item of a listing whose detail page failed."""
        request = request_of(failure)
        known: ListingItem | None = request.cb_kwargs.get("known")
        refused = refusal(failure)
        if refused is not None:
            yield from self._blocked(refused)
        if was_cancelled(failure) and known and self._seen.was_taken(known):
            return
        self._seen.remove_pending(known)
        if is_forbidden(failure):
            self._notes.add_forbidden(request.url)
        else:
            self._detail_lost(request.url, reason_of(failure), known)
        if known is not None:
            yield known

    def saved_failed(self, failure: Failure) -> None:
        """Note that a saved page cannot be read."""
        request = request_of(failure)
        sentence = f"{request.cb_kwargs['path']} cannot be read: {reason_of(failure)}"
        self._notes.add_missing(counting.LOST_SEARCH_PAGES, sentence)

    def on_dropped(self, request: Request) -> None:
        """Note that a redirect led to a page that was requested before."""
        if sentence := dropped_redirect_message(request):
            self._notes.add_missing(counting.LED_ELSEWHERE, sentence)

    def on_idle(self) -> None:
        """If no page was read, end the crawl with the reason: blocked or forbidden."""
        if self._pages_read:
            return
        if self._notes.count_of(counting.BLOCKED):
            raise CloseSpider(BLOCKED)
        if self._notes.count_of(counting.FORBIDDEN):
            self._notes.add_all_forbidden(self.spec.base)
            raise CloseSpider(FORBIDDEN)

    def closed(self, reason: str) -> None:
        """Note how many listings were seen but not yielded, and explain the counts."""
        self._notes.add_explanations()
        if self._seen.pending_count:
            seen = counted(self._seen.pending_count, "listing was", "listings were")
            self._notes.add_missing(
                counting.UNDELIVERED,
                f"{seen} seen on search pages, but the "
                f"crawl ended ({reason}) before their own pages came: crawl again",
            )

    def _request_of(self, url: str) -> Request:
        if is_search_url(url):
            return self._search_request(Walk.from_url(url))
        return self._detail_request(url, None)

    def _search_request(self, walk: Walk) -> Request:
        return Request(
            self.spec.page_of(walk, self.fixed_filters),
            callback=self.parse_search,
            errback=self.search_failed,
            cb_kwargs={"walk": walk},
            priority=_FIRST,
        )

    def _detail_request(self, url: str, known: ListingItem | None) -> Request:
        return Request(
            url,
            callback=self.parse_detail,
            errback=self.detail_failed,
            cb_kwargs={"known": known},
            # a listing of a search is requested once anyway, and several may redirect
            # to one page
            dont_filter=known is not None,
        )

    def _listed(self, walk: Walk, page: SearchPage) -> Iterator[SpiderOutput]:
        """Yield the request for the next page, and a page's new items or requests."""
        self._pages_read += 1
        self._notes.count(counting.SEARCH_PAGES)
        if page.unread:
            self._unread(f"page {walk.page} of the search {walk.name}", page.unread)
        self._notes.count(NOTHING_FOUND, int(page.total == 0))
        if page.items and page.method != "payload":
            self._notes.count(counting.FALLBACK_PAGES)
        walked = self._walked.setdefault(walk.name, set())
        ids = {item.listing_id for item in page.items}
        # a page whose listings are all unreadable does not count as a repeated page
        after = walk.with_page(page, len(ids - walked) if ids else page.unread)
        walked |= ids
        onward = after.next(max_pages=self.spec.max_pages, rows=len(page.items))
        if onward is not None:
            yield self._search_request(onward)
        elif shortage := after.shortage_message(max_pages=self.spec.max_pages):
            self._notes.add_note(shortage)
        for item in self._seen.new(page.items):
            if self.spec.details:
                self._seen.add_pending(item)
                yield self._detail_request(item.url, item)
            else:
                yield item

    def _unread(self, where: str, number: int) -> None:
        listings = counted(number, "listing")
        sentence = f"{where} holds {listings} in a form that cannot be read"
        self._notes.add_missing(counting.UNREAD_LISTINGS, sentence, times=number)

    def _without_cards(self, walk: Walk, response: Response) -> Iterator[SpiderOutput]:
        """Request a page without cards again; after the last attempt, continue."""
        if redirected_elsewhere(response):
            yield from self._search_lost(walk, f"it leads to {response.url}")
            return
        if walk.tries < self.crawler.settings.getint("RETRY_TIMES"):
            again = self._search_request(replace(walk, tries=walk.tries + 1))
            yield again.replace(dont_filter=True)
            return
        self._notes.count(counting.EMPTY_PAGES)
        yield from self._search_lost(walk, "it came without a card")

    def _search_lost(self, walk: Walk, reason: str) -> Iterator[SpiderOutput]:
        onward = walk.next(max_pages=self.spec.max_pages)
        # without a page read, the number of pages is unknown
        is_blind = walk.total is None and not walk.is_last_of(self.spec.max_pages)
        rest = ", and all after it" if onward is None and is_blind else ""
        sentence = (
            f"page {walk.page} of the search {walk.name} is missing{rest}: {reason}"
        )
        self._notes.add_missing(counting.LOST_SEARCH_PAGES, sentence)
        if onward is not None:
            yield self._search_request(onward)

    def _detail_lost(self, url: str, reason: str, known: ListingItem | None) -> None:
        kept = "; its search page's texts were kept" if known else ""
        sentence = f"the listing's page {url} is missing: {reason}{kept}"
        self._notes.add_missing(
            counting.LOST_DETAIL_PAGES, sentence, level=logging.WARNING
        )

    def _led_elsewhere(
        self, response: Response, known: ListingItem | None, item: ListingItem | None
    ) -> None:
        if item is not None and known is None:
            self._notes.add_note(
                f"{asked_url(response)} leads to {item.url}, a listing of another "
                "number: what is stored of the first one stays as it is"
            )
        else:
            reason = f"it leads to {response.url}"
            self._detail_lost(asked_url(response), reason, known)

    def _blocked(self, response: Response) -> Iterator[ListingItem]:
        """Yield the items of listings that wait, then end the crawl as blocked."""
        self._notes.add_refusal(response.status, response.url)
        yield from self._seen.take_pending()
        raise CloseSpider(BLOCKED)


class FundaSoldSpider(FundaSpider):
    """Reads listings that are sold or rented out.

    The page of a sold listing shows the last asking price, which stays in `price_text`:
    only the land registry knows the price paid.
    """

    name = "funda-sold"
    fixed_filters: ClassVar[Mapping[str, object]] = {"availability": ["unavailable"]}


def _now() -> str:
    return timestamp(datetime.now(UTC))
