"""Watches a crawl, and notes what it did not bring."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.defer import deferred_from_coro

from propload.sources.spiders.feed import NOT_LOADED
from propload.sources.spiders.job_folder import continued_folder
from propload.sources.spiders.robots import unread_rules

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Request
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

#: Statuses of a page that does not exist: an answer, not a failure.
GONE = frozenset({404, 410})
#: The most examples; further ones would add nothing to the counts.
_MOST_EXAMPLES = 10
#: The most reasons for dropped items among the examples.
_MOST_DROP_REASONS = 3
#: Scrapy's messages on a response that is too large, as it comes or unpacked. The
#: exceptions are otherwise raised for requests that were cancelled or ignored.
_TOO_LARGE = re.compile(
    r"larger than download max size \(|exceeded DOWNLOAD_MAXSIZE \("
)
#: The TLS settings in messages of aiohttp: the repr of an object, useless to a reader.
_TLS = re.compile(r" ssl:(?:<[^>]*>|\w+)")


class Watch:
    """Notes pages that did not come, exceptions, and items that pipelines dropped.

    It is a downloader middleware before all others, so that it sees only failures that
    are left after all retries. What Scrapy shows to no middleware, such as a response
    on which another one raised, it learns from the engine's call that fetches a page;
    so it sees lost pages also if it is not used as a middleware.

    A project may disable Scrapy's stats, so what a run is judged by is counted here.

    Attributes:
        sees_pages: Whether it is used as a middleware.
        finish_reason: Scrapy's finish reason; empty while the crawl is running.
        statuses: How many responses were passed on with which HTTP status, without
            those for robots.txt.
        items: Items that item pipelines let pass.
        errors: Exceptions that the spider raised.
        continued_folder: The folder of an earlier crawl that this one continues.
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
        self.continued_folder = continued_folder(crawler.settings)
        self._drop_reasons: set[str] = set()
        #: Requests whose failure was noted here on its way to the engine.
        self._failed: set[Request] = set()
        self._crawler = crawler
        crawler.signals.connect(self._on_opened, signals.spider_opened)
        crawler.signals.connect(self._on_closed, signals.spider_closed)
        crawler.signals.connect(self._on_answer, signals.response_received)
        crawler.signals.connect(self._on_download, signals.response_downloaded)
        crawler.signals.connect(self._on_request_dropped, signals.request_dropped)
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
        """Note a response that Scrapy does not pass to the spider."""
        if not self._is_passed_to_spider(request, response.status):
            reason = f"HTTP {response.status}"
            self._note_lost_page(request, reason, gone=response.status in GONE)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Note a page that did not come, unless its request was dropped on purpose."""
        self._failed.add(request)
        self._note_failure(request, exception)

    def _on_opened(self) -> None:
        """Learn of all that the engine fetches: no signal tells of a failure."""
        downloader = self._crawler.engine.downloader
        fetch = downloader.fetch

        def fetch_and_note(request: Request, *spider: Any) -> Deferred[Any]:
            # another downloader may return a coroutine
            fetched: Deferred[Any] = deferred_from_coro(fetch(request, *spider))
            return fetched.addCallbacks(
                self._on_fetched,
                self._on_failed,
                callbackArgs=(request,),
                errbackArgs=(request,),
            )

        downloader.fetch = fetch_and_note  # type: ignore[assignment, method-assign] # see above

    def _on_fetched(self, result: object, request: Request) -> object:
        if isinstance(result, Response) and not self.sees_pages:
            self.process_response(request, result)
        return result

    def _on_failed(self, failure: Failure, request: Request) -> Failure:
        if request in self._failed:
            self._failed.remove(request)
        else:
            self._note_failure(request, failure.value)
        return failure

    def _note_failure(self, request: Request, exception: BaseException | None) -> None:
        if unread := unread_rules(exception):
            self._note_lost_page(request, unread)
        elif _TOO_LARGE.search(str(exception)):
            too_large = "it is larger than DOWNLOAD_MAXSIZE allows"
            self._note_lost_page(request, too_large)
        elif not isinstance(exception, IgnoreRequest | DownloadCancelledError):
            self._note_lost_page(request, describe_failure(exception))

    def _is_passed_to_spider(self, request: Request, status: int) -> bool:
        if 200 <= status < 300:
            return True
        meta, settings = request.meta, self._crawler.settings
        if meta.get("handle_httpstatus_all") or settings.getbool("HTTPERROR_ALLOW_ALL"):
            return True
        spider_list = getattr(self._crawler.spider, "handle_httpstatus_list", None)
        by_settings = map(int, settings.getlist("HTTPERROR_ALLOWED_CODES"))
        allowed = meta.get("handle_httpstatus_list", spider_list) or by_settings
        return status in allowed

    def _note_lost_page(
        self, request: Request, reason: str, *, gone: bool = False
    ) -> None:
        if _is_robots_txt(request):
            return
        self.gone_pages += gone
        self.lost_pages += not gone
        # a spider with an errback reports itself what it lost
        if request.errback is None:
            self._note(f"{request.url} is missing: {reason}")

    def _on_closed(self, reason: str) -> None:
        self.finish_reason = reason

    def _on_answer(self, request: Request, response: Response) -> None:
        if not _is_robots_txt(request):
            self.statuses[response.status] += 1

    def _on_download(self, request: Request, response: Response) -> None:
        # Scrapy silently gives up a page that redirects once too often
        is_redirect = 300 <= response.status < 400 and "Location" in response.headers
        is_last = request.meta.get("redirect_ttl") == 0
        if (
            is_redirect
            and is_last
            and not self._is_passed_to_spider(request, response.status)
        ):
            self._note_lost_page(request, "it redirects too often")

    def _on_request_dropped(self, request: Request) -> None:
        # dropped as a duplicate, but only of itself before it was redirected
        if request.url in request.meta.get("redirect_urls", ()):
            self._note_lost_page(request, "it redirects to itself")

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
        reasons = self._drop_reasons
        if reason not in reasons and len(reasons) < _MOST_DROP_REASONS:
            reasons.add(reason)
            self._note(f"an item pipeline dropped an item: {reason}")

    def _note_raised(self, raiser: str, failure: Failure, response: Any) -> None:
        place = f" at {response.url}" if getattr(response, "url", None) else ""
        error = failure.value
        self._note(f"{raiser} raised {type(error).__name__}{place}: {error}")

    def _note(self, sentence: str) -> None:
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(sentence)


def describe_failure(error: BaseException | None, /) -> str:
    """Return the type and the message of a failure."""
    return f"{type(error).__name__}: {_TLS.sub('', str(error))}".rstrip(": ")


def _is_robots_txt(request: Request) -> bool:
    """Return whether a request is Scrapy's own for a robots.txt, which may not exist.

    A spider's own request may also ignore the rules, but its page counts if lost.
    """
    is_scrapys = request.callback is NO_CALLBACK
    return is_scrapys and bool(request.meta.get("dont_obey_robotstxt"))
