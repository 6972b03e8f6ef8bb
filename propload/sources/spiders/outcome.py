"""What became of a crawl, as a value, and who watches it happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest

from propload.errors import BlockedError, SourceError
from propload.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scrapy.crawler import Crawler
    from scrapy.http import Request, Response
    from twisted.python.failure import Failure

#: Finish reasons that mean: the site does not want this crawl.
BLOCKED_REASONS = ("blocked", "robots")
#: Statuses that mean the same where a site answers nothing else.
REFUSALS = frozenset({401, 403, 429, 451})
#: The finish reason of a crawl that had nothing left to do.
FINISHED = "finished"
#: The finish reason of a crawl that was asked to stop.
STOPPED = "shutdown"
#: A list in Scrapy's stats where a spider says what it asked for and does not have.
MISSING = "crawl/missing"
#: A count in Scrapy's stats of searches of which the site says: nothing was found.
NOTHING_FOUND = "crawl/searches_without_listings"

#: More examples than this say nothing that the counts do not.
_MOST_EXAMPLES = 10
_STATUS = "downloader/response_status_count/"
_ROBOTS_STATUS = "robotstxt/response_status_count/"


@dataclass(frozen=True, slots=True)
class CrawlOutcome:
    """What became of a crawl.

    Attributes:
        spider: The spider's name.
        finish_reason: Why it ended, in Scrapy's words: `finished`, `blocked`, ...
        pages: Answers that came, robots.txt not counted.
        items: Items that the spider gave.
        errors: Exceptions that the spider raised.
        lost_pages: Pages that did not come, after every attempt.
        robots_forbidden: Pages that robots.txt forbids.
        statuses: How many answers had which HTTP status.
        empty_searches: Searches of which the site says that nothing was found.
        missing: What was asked for and is not there, a sentence each.
        seconds: Duration.
    """

    spider: str
    finish_reason: str
    pages: int = 0
    items: int = 0
    errors: int = 0
    lost_pages: int = 0
    robots_forbidden: int = 0
    statuses: Mapping[int, int] = field(default_factory=dict)
    empty_searches: int = 0
    missing: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know, a sentence each."""
        return tuple(self._sentences())

    @property
    def is_refused(self) -> bool:
        """Whether the site, or its robots.txt, kept the crawl from its pages."""
        if self.finish_reason in BLOCKED_REASONS:
            return True
        if self.items:
            return False
        answers = set(self.statuses)
        return (self.robots_forbidden > 0 and not self.pages) or bool(
            answers and answers <= REFUSALS
        )

    @property
    def is_empty(self) -> bool:
        """Whether the site itself says that there is nothing, and nothing failed."""
        failed = self.missing or self.errors or self.lost_pages
        return bool(self.empty_searches and not failed)

    def raise_for_failure(self) -> None:
        """Raise where the crawl did not bring what it was run for.

        Raises:
            BlockedError: The site or its robots.txt refused the crawl.
            SourceError: It failed, or brought no item.
        """
        if self.is_refused:
            msg = (
                f"spider {self.spider} was refused by the site{self._details()}. "
                f"What came before is kept: {counted(self.items, 'item')}"
            )
            # a spider that says what happened says what to do as well
            if not self.missing:
                msg += ". Wait before the next crawl, and ask for less"
            raise BlockedError(msg, source=self.spider)
        if self.finish_reason == STOPPED:
            return
        if self.finish_reason == "start_error":
            msg = (
                f"spider {self.spider} failed in start(), so that pages are missing"
                f"{self._details()}"
            )
            raise SourceError(msg, source=self.spider, row=self.items)
        if not self.items and not self.is_empty:
            msg = (
                f"spider {self.spider} gave no items from {counted(self.pages, 'page')}"
                f"{self._details()}"
            )
            raise SourceError(msg, source=self.spider)

    def _details(self) -> str:
        said = [*self.missing[:3]]
        if self.finish_reason not in (FINISHED, *BLOCKED_REASONS):
            said.append(f"it ended as {self.finish_reason}")
        if self.robots_forbidden:
            said.append(f"robots.txt forbids {counted(self.robots_forbidden, 'page')}")
        odd = {code: n for code, n in self.statuses.items() if code >= 400}
        said += [
            f"{counted(n, 'answer was', 'answers were')} HTTP {code}"
            for code, n in sorted(odd.items())
        ]
        return f": {'; '.join(said)}" if said else ""

    def _sentences(self) -> Iterator[str]:
        yield (
            f"crawled {counted(self.pages, 'page')} in {self.seconds:.1f} s: "
            f"{counted(self.items, 'item')}"
        )
        if self.finish_reason != FINISHED:
            yield f"the crawl ended early: {self.finish_reason}"
        if self.lost_pages:
            lost = counted(self.lost_pages, "page")
            yield f"{lost} did not come, after every attempt"
        if self.robots_forbidden:
            forbidden = counted(self.robots_forbidden, "page")
            yield f"robots.txt forbids {forbidden}: not read"
        if self.empty_searches:
            yield f"searches that found nothing, says the site: {self.empty_searches:,}"
        if self.errors:
            raised = counted(self.errors, "exception")
            yield f"the spider raised {raised}: rows may be missing"
        yield from self.missing


class Watch:
    """Notes pages that did not come and exceptions of the spider.

    A downloader middleware before all others, so that it sees what is left of a
    failure after every attempt.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.lost_pages = 0
        self.examples: list[str] = []
        self._crawler = crawler
        crawler.signals.connect(self._on_error, signals.spider_error)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Watch:
        """Return the watch of a crawl."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Response:
        """Note an answer that Scrapy keeps from the spider."""
        if not self._is_read(request, response.status):
            self._lose(request, f"HTTP {response.status}")
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Note a page that did not come, unless it was not to come any more."""
        if not isinstance(exception, IgnoreRequest | DownloadCancelledError):
            self._lose(request, f"{type(exception).__name__}: {exception}".rstrip(": "))

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

    def _lose(self, request: Request, reason: str) -> None:
        # robots.txt, which may well not exist
        if request.meta.get("dont_obey_robotstxt") and request.callback is not None:
            return
        self.lost_pages += 1
        # a spider with an errback says itself what it lost
        if request.errback is None:
            self._note(f"{request.url} is missing: {reason}")

    def _on_error(self, failure: Failure, response: Any) -> None:
        place = f" at {response.url}" if getattr(response, "url", None) else ""
        error = failure.value
        self._note(f"the spider raised {type(error).__name__}{place}: {error}")

    def _note(self, sentence: str) -> None:
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(sentence)


def read_outcome(crawler: Crawler) -> CrawlOutcome:
    """Return the outcome of a crawl that has ended."""
    stats = crawler.stats.get_stats()
    watch = crawler.get_downloader_middleware(Watch)
    said = stats.get(MISSING) or ()
    return CrawlOutcome(
        spider=crawler.spidercls.name,
        finish_reason=str(stats.get("finish_reason", STOPPED)),
        pages=_count(stats, "response_received_count")
        - _count(stats, "robotstxt/response_count"),
        items=_count(stats, "propload/items"),
        errors=_count(stats, "spider_exceptions/count"),
        lost_pages=watch.lost_pages if watch else 0,
        robots_forbidden=_count(stats, "robotstxt/forbidden"),
        statuses=_statuses(stats),
        empty_searches=_count(stats, NOTHING_FOUND),
        missing=tuple(map(str, said)) + tuple(watch.examples if watch else ()),
        seconds=float(stats.get("elapsed_time_seconds", 0.0)),
    )


def _count(stats: Mapping[str, Any], name: str) -> int:
    return int(stats.get(name, 0))


def _statuses(stats: Mapping[str, Any]) -> dict[int, int]:
    found = {}
    for name, count in stats.items():
        if name.startswith(_STATUS):
            code = name.removeprefix(_STATUS)
            left = count - _count(stats, _ROBOTS_STATUS + code)
            if left > 0:
                found[int(code)] = left
    return found
