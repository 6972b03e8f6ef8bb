"""Who watches a crawl, and notes what it did not bring."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http.request import NO_CALLBACK

from propload.sources.spiders.feed import NOT_LOADED
from propload.sources.spiders.robots import unread_rules
from propload.sources.spiders.unpacking import given_up

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Request, Response
    from twisted.python.failure import Failure

#: Statuses of a page that is not there: an answer, and no failure.
GONE = frozenset({404, 410})
#: More examples than this say nothing that the counts do not.
_MOST_EXAMPLES = 10
#: Of them so many reasons for which items were dropped.
_MOST_DROP_REASONS = 3
#: How Scrapy says why it has given up an answer, by an exception that else means that
#: nobody wanted it any more.
_TOO_LARGE = re.compile(r"larger than download max size \(")
#: What aiohttp tells of its settings: an object, which says nothing to a reader.
_TLS = re.compile(r" ssl:(?:<[^>]*>|\w+)")


class Watch:
    """Notes pages that did not come, exceptions, and items that pipelines dropped.

    A downloader middleware before all others, so that it sees what is left of a
    failure after every attempt. Beside a crawl it hears of exceptions and items only.

    A project may do without Scrapy's stats, so what a run is judged by is counted here.

    Attributes:
        sees_pages: Whether it is such a middleware.
        finish_reason: Why the crawl ended, in Scrapy's word; empty while it is running.
        statuses: How many answers were handed on with which HTTP status; robots.txt
            is none of them.
        items: Items that item pipelines let pass.
        errors: Exceptions that the spider raised.
    """

    sees_pages = False

    def __init__(self, crawler: Crawler) -> None:
        self.finish_reason = ""
        self.statuses: Counter[int] = Counter()
        self.items = 0
        self.errors = 0
        self.lost_pages = 0
        self.gone_pages = 0
        self.item_errors = 0
        self.dropped_items = 0
        self.examples: list[str] = []
        self._drop_reasons: set[str] = set()
        self._crawler = crawler
        crawler.signals.connect(self._on_closed, signals.spider_closed)
        crawler.signals.connect(self._on_answer, signals.response_received)
        crawler.signals.connect(self._on_download, signals.response_downloaded)
        crawler.signals.connect(self._on_request_dropped, signals.request_dropped)
        crawler.signals.connect(self._on_given_up, given_up)
        crawler.signals.connect(self._on_item, signals.item_scraped)
        crawler.signals.connect(self._on_error, signals.spider_error)
        crawler.signals.connect(self._on_item_error, signals.item_error)
        crawler.signals.connect(self._on_item_dropped, signals.item_dropped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Watch:
        """Return the watch of a crawl."""
        watch = cls(crawler)
        watch.sees_pages = True
        return watch

    def process_response(self, request: Request, response: Response) -> Response:
        """Note an answer that Scrapy keeps from the spider."""
        if not self._is_read(request, response.status):
            reason = f"HTTP {response.status}"
            self._lose(request, reason, gone=response.status in GONE)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Note a page that did not come, unless it was no longer expected."""
        if unread := unread_rules(exception):
            self._lose(request, unread)
        elif _TOO_LARGE.search(str(exception)):
            self._on_given_up(request)
        elif not isinstance(exception, IgnoreRequest | DownloadCancelledError):
            self._lose(request, failure_said(exception))

    def _is_read(self, request: Request, status: int) -> bool:
        if 200 <= status < 300:
            return True
        meta, settings = request.meta, self._crawler.settings
        if meta.get("handle_httpstatus_all") or settings.getbool("HTTPERROR_ALLOW_ALL"):
            return True
        own = getattr(self._crawler.spider, "handle_httpstatus_list", None)
        by_settings = map(int, settings.getlist("HTTPERROR_ALLOWED_CODES"))
        read = meta.get("handle_httpstatus_list", own) or by_settings
        return status in read

    def _lose(self, request: Request, reason: str, *, gone: bool = False) -> None:
        if _is_robots_txt(request):
            return
        self.gone_pages += gone
        self.lost_pages += not gone
        # a spider with an errback says itself what it lost
        if request.errback is None:
            self._note(f"{request.url} is missing: {reason}")

    def _on_given_up(self, request: Request) -> None:
        self._lose(request, "it is larger than DOWNLOAD_MAXSIZE allows")

    def _on_closed(self, reason: str) -> None:
        self.finish_reason = reason

    def _on_answer(self, request: Request, response: Response) -> None:
        if not _is_robots_txt(request):
            self.statuses[response.status] += 1

    def _on_download(self, request: Request, response: Response) -> None:
        # a page that leads on once too often is given up without a word
        leads_on = 300 <= response.status < 400 and "Location" in response.headers
        is_last = request.meta.get("redirect_ttl") == 0
        if leads_on and is_last and not self._is_read(request, response.status):
            self._lose(request, "it redirects too often")

    def _on_request_dropped(self, request: Request) -> None:
        # asked for before, but by itself
        if request.url in request.meta.get("redirect_urls", ()):
            self._lose(request, "it redirects to itself")

    def _on_item(self) -> None:
        self.items += 1

    def _on_error(self, failure: Failure, response: Any) -> None:
        self.errors += 1
        self._note_raised("the spider", failure, response)

    def _on_item_error(self, failure: Failure, response: Any) -> None:
        self.item_errors += 1
        self._note_raised("an item pipeline", failure, response)

    def _on_item_dropped(self, exception: Exception) -> None:
        reason = str(exception) or type(exception).__name__
        if reason == NOT_LOADED:
            return
        self.dropped_items += 1
        known = self._drop_reasons
        if reason not in known and len(known) < _MOST_DROP_REASONS:
            known.add(reason)
            self._note(f"an item pipeline dropped an item: {reason}")

    def _note_raised(self, who: str, failure: Failure, response: Any) -> None:
        place = f" at {response.url}" if getattr(response, "url", None) else ""
        error = failure.value
        self._note(f"{who} raised {type(error).__name__}{place}: {error}")

    def _note(self, sentence: str) -> None:
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(sentence)


def failure_said(error: BaseException | None, /) -> str:
    """Return what a failure is called and says."""
    return f"{type(error).__name__}: {_TLS.sub('', str(error))}".rstrip(": ")


def _is_robots_txt(request: Request) -> bool:
    """Return whether Scrapy itself asks, for a robots.txt that may well not exist.

    A spider's own request may leave the rules aside; its page is one to miss.
    """
    of_scrapy = request.callback is NO_CALLBACK
    return of_scrapy and bool(request.meta.get("dont_obey_robotstxt"))
