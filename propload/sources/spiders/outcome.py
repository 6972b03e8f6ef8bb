"""The outcome of a crawl, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from propload.errors import BlockedError, SourceError
from propload.messages.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scrapy.crawler import Crawler

    from propload.sources.spiders.watching import Watch

#: The finish reason of a crawl that its site refuses.
BLOCKED = "blocked"
#: The finish reason of a crawl of which robots.txt forbids every page.
FORBIDDEN = "robots"
#: Finish reasons that mean that the site does not want this crawl.
BLOCKED_REASONS = (BLOCKED, FORBIDDEN)
#: HTTP statuses that mean the same if a site answers with no others.
REFUSALS = frozenset({401, 403, 429, 451})
#: The finish reason of a crawl that had nothing left to do.
FINISHED = "finished"
#: The finish reason of a crawl that was asked to stop.
STOPPED = "shutdown"
#: The key of a list in Scrapy's stats, in which a spider says what it asked for but did
#: not get.
MISSING = "crawl/missing"
#: The key of a list there, in which a spider puts further notes for the user.
NOTES = "crawl/notes"
#: The most reasons for missing rows in `incomplete`; the others are in the notes.
_MAX_REASONS = 4
#: The key of a count there: searches for which the site says that it found nothing.
NOTHING_FOUND = "crawl/searches_without_listings"

_STATUS = "downloader/response_status_count/"
_ROBOTS_STATUS = "robotstxt/response_status_count/"


@dataclass(frozen=True, slots=True)
class CrawlOutcome:
    """The outcome of a crawl.

    Attributes:
        spider: The spider's name.
        finish_reason: Why it ended, in Scrapy's words: `finished`, `blocked`, ...
        pages: Responses that came, without those for robots.txt.
        items: Items that the spider yielded and item pipelines let pass.
        errors: Exceptions that the spider raised.
        item_errors: Items on which an item pipeline raised.
        dropped_items: Items that an item pipeline dropped.
        lost_pages: Pages that could not be fetched, even after all retries.
        gone_pages: Pages that do not exist, according to the site.
        robots_forbidden: Pages that robots.txt forbids.
        repeated: Requests that were not sent because they repeat earlier ones.
        offsite: Requests that were not sent because `allowed_domains` excludes them.
        statuses: How many responses had which HTTP status.
        empty_searches: Searches that found nothing, according to the site.
        missing: What the spider says it asked for but did not get, a sentence each.
        spider_notes: Further notes of the spider, a sentence each.
        examples: Some of the pages and exceptions that were counted, a sentence each.
        continued_folder: The folder (`JOBDIR`) of an earlier crawl that it continued.
        seconds: Duration.
    """

    spider: str
    finish_reason: str
    pages: int = 0
    items: int = 0
    errors: int = 0
    item_errors: int = 0
    dropped_items: int = 0
    lost_pages: int = 0
    gone_pages: int = 0
    robots_forbidden: int = 0
    repeated: int = 0
    offsite: int = 0
    statuses: Mapping[int, int] = field(default_factory=dict)
    empty_searches: int = 0
    missing: tuple[str, ...] = ()
    spider_notes: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    continued_folder: str = ""
    seconds: float = 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the report, a sentence each."""
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
        """Whether the site itself says that it has nothing, and nothing failed."""
        lacks = any(self._losses()) or self.missing
        failed = lacks or self.gone_pages or self.dropped_items
        return bool(self.empty_searches and not failed)

    @property
    def incomplete(self) -> str:
        """Why rows may be missing that the crawl should have brought; else empty.

        Pages that are gone, or that robots.txt forbids, have no rows to bring: the
        next crawl does not get them either.
        """
        reasons = [*self._losses(), *self._left_out(), *self.missing]
        more_count = len(reasons) - _MAX_REASONS
        return "; ".join(reasons[:_MAX_REASONS]) + (
            f"; {more_count:,} more" if more_count > 0 else ""
        )

    def raise_for_failure(self) -> None:
        """Raise if the crawl did not bring what it was run for.

        Raises:
            BlockedError: The site or its robots.txt refused the crawl.
            SourceError: It failed, or brought no item.
        """
        if self.is_refused:
            msg = (
                f"spider {self.spider} was refused by the site{self._details()}. "
                f"What came before is kept: {counted(self.items, 'item')}"
            )
            # a spider that says what is missing also says what to do
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
        details = [*self.missing, *self.examples][:3]
        if self.finish_reason not in (FINISHED, *BLOCKED_REASONS):
            details.append(f"it ended as {self.finish_reason}")
        if self.robots_forbidden:
            details.append(
                f"robots.txt forbids {counted(self.robots_forbidden, 'page')}"
            )
        # only if no page came: otherwise these are merely repeated links
        if not self.pages:
            details += self._not_sent()
        failed_statuses = {code: n for code, n in self.statuses.items() if code >= 400}
        details += [
            f"{counted(n, 'answer was', 'answers were')} HTTP {code}"
            for code, n in sorted(failed_statuses.items())
        ]
        return f": {'; '.join(details)}" if details else ""

    def _not_sent(self) -> Iterator[str]:
        if self.repeated:
            requests = counted(self.repeated, "request was", "requests were")
            yield (
                f"{requests} not sent, as made before: with JOBDIR also by an earlier "
                "crawl, so use a new folder to crawl again"
            )
        if self.offsite:
            requests = counted(self.offsite, "request was", "requests were")
            yield f"{requests} not sent, as allowed_domains leaves the site out"

    def _sentences(self) -> Iterator[str]:
        # without Scrapy's stats the duration is unknown
        duration = f" in {self.seconds:.1f} s" if self.seconds else ""
        pages, items = counted(self.pages, "page"), counted(self.items, "item")
        yield f"crawled {pages}{duration}: {items}"
        yield from self._losses()
        yield from self._left_out()
        if self.gone_pages:
            gone = counted(self.gone_pages, "page is", "pages are")
            yield f"{gone} gone, according to the site (404, 410)"
        if self.robots_forbidden:
            forbidden = counted(self.robots_forbidden, "page")
            yield f"robots.txt forbids {forbidden}: not read"
        if self.dropped_items:
            dropped = counted(self.dropped_items, "item")
            yield f"an item pipeline dropped {dropped}"
        if self.empty_searches:
            yield f"searches that found nothing, says the site: {self.empty_searches:,}"
        yield from self.missing
        yield from self.spider_notes
        yield from self.examples

    def _losses(self) -> Iterator[str]:
        """Yield why rows may be missing, a sentence for each kind of reason."""
        if self.finish_reason != FINISHED:
            yield f"the crawl ended early: {self.finish_reason}"
        if self.lost_pages:
            lost = counted(self.lost_pages, "page")
            yield f"{lost} could not be fetched, even after all retries"
        if self.errors:
            raised = counted(self.errors, "exception")
            yield f"the spider raised {raised}: rows may be missing"
        if self.item_errors:
            lost = counted(self.item_errors, "item")
            yield f"an item pipeline raised on {lost}: rows may be missing"

    def _left_out(self) -> Iterator[str]:
        """Yield a sentence if pages were left out because an earlier crawl had them."""
        if self.continued_folder:
            yield (
                f"pages that an earlier crawl of {self.continued_folder} (JOBDIR) "
                "asked for were left out: a crawl of all needs a new folder"
            )


def read_outcome(
    crawler: Crawler, watch: Watch, *, finish_reason: str = ""
) -> CrawlOutcome:
    """Return the outcome of a crawl that has ended, or is about to.

    Args:
        crawler: The crawl.
        watch: The watch of the crawl.
        finish_reason: Why it ends, if its stats do not say so yet.
    """
    stats = crawler.stats.get_stats()
    return CrawlOutcome(
        spider=crawler.spidercls.name,
        finish_reason=finish_reason or _finish_reason(stats, watch),
        pages=watch.statuses.total(),
        # before the end, the stats do not have the sink's count yet
        items=_count(stats, "propload/items") or watch.items,
        errors=watch.errors,
        item_errors=watch.item_errors,
        dropped_items=watch.dropped_items,
        lost_pages=watch.lost_pages,
        gone_pages=watch.gone_pages,
        robots_forbidden=_count(stats, "robotstxt/forbidden"),
        repeated=_count(stats, "dupefilter/filtered"),
        offsite=_count(stats, "offsite/filtered"),
        # the stats also count the responses whose requests were retried
        statuses=_statuses(stats) or dict(watch.statuses),
        empty_searches=_count(stats, NOTHING_FOUND),
        missing=_texts(stats, MISSING),
        spider_notes=_texts(stats, NOTES),
        examples=tuple(watch.examples),
        continued_folder=watch.continued_folder,
        seconds=float(stats.get("elapsed_time_seconds", 0.0)),
    )


def _finish_reason(stats: Mapping[str, Any], watch: Watch) -> str:
    # the stats come first: if the last commit fails, the sink says so there at the end
    return str(stats.get("finish_reason") or watch.finish_reason or STOPPED)


def _count(stats: Mapping[str, Any], name: str) -> int:
    return int(stats.get(name, 0))


def _texts(stats: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(map(str, stats.get(name) or ()))


def _counts(stats: Mapping[str, Any], prefix: str) -> dict[str, int]:
    """Return the counts whose names have a prefix, by the rest of their names."""
    return {
        name.removeprefix(prefix): int(count)
        for name, count in stats.items()
        if name.startswith(prefix)
    }


def _statuses(stats: Mapping[str, Any]) -> dict[int, int]:
    counts = {
        int(code): count - _count(stats, _ROBOTS_STATUS + code)
        for code, count in _counts(stats, _STATUS).items()
    }
    return {code: count for code, count in counts.items() if count > 0}
