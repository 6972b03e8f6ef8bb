"""Ends a crawl, reports why it ends, and lets it close once nothing is left to do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import CloseSpider, DownloadCancelledError, IgnoreRequest
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import deferred_from_coro

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.core.engine import ExecutionEngine
    from scrapy.crawler import Crawler
    from scrapy.http import Request
    from twisted.python.failure import Failure

log = logging.getLogger(__name__)

#: Seconds between two checks whether the last item of a closing crawl is done: there is
#: no signal for it.
IDLE_CHECK_SECONDS = 0.05


class CrawlStopper:
    """Ends a crawl with a reason, even one that has not begun yet.

    Args:
        crawler: The crawl; it may not have been started.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._reason: str | None = None
        self._opened = False
        crawler.signals.connect(self._on_opened, signals.spider_opened)

    def stop(self, reason: str) -> None:
        """End the crawl, for the first reason given; to be called in its loop."""
        if self._reason is not None:
            return
        self._reason = reason
        if self._opened and self._crawler.engine.spider is not None:
            closing = self._crawler.engine.close_spider_async(reason=reason)
            deferred_from_coro(closing).addErrback(_log_failure)
            # with JOBDIR they stay queued: if dropped, they would be missing from the
            # crawl that continues this one
            if not self._crawler.settings.get("JOBDIR"):
                drop_queued(self._crawler)
            close_when_idle(self._crawler)

    def _on_opened(self) -> None:
        self._opened = True
        if self._reason is not None:
            raise CloseSpider(self._reason)


def note_reason(engine: ExecutionEngine, on_reason: Callable[[str], None]) -> None:
    """Report why a crawl ends before its pipelines are closed.

    Scrapy's own signal comes only after that, when they have loaded everything.

    Args:
        engine: The crawl's engine.
        on_reason: Called with the reason whenever the crawl is asked to end; the first
            reason counts.
    """
    close = engine.close_spider_async

    async def close_with_reason(*, reason: str = "cancelled") -> None:
        on_reason(reason)
        await close(reason=reason)

    engine.close_spider_async = close_with_reason  # type: ignore[method-assign] # see above


def drop_queued(crawler: Crawler) -> None:
    """Drop requests that wait to be sent, which takes minutes at a polite pace.

    Scrapy closes a crawl only after all of them are done.
    """
    for slot in list(crawler.engine.downloader.slots.values()):
        while slot.queue:
            request, answer = slot.queue.popleft()
            answer.errback(dropped_request_error(request))


def dropped_request_error(request: Request) -> Exception:
    """Return the error for a request that is not sent because the crawl ends."""
    # an errback gets to know what happened; without one, Scrapy would log the error
    kind = DownloadCancelledError if request.errback else IgnoreRequest
    return kind("the crawl ends")


def close_when_idle(crawler: Crawler) -> None:
    """Let a crawl close whose last items came from `start`.

    Scrapy 2.19 checks whether it may close only when a response is done. Items from
    `start` have no response, so a crawl that closes while they are in process would
    wait forever.
    """
    slot = crawler.engine.scraper.slot
    if crawler.engine.spider is None or slot is None:
        return
    if slot.closing is None or not slot.is_idle():
        call_later(IDLE_CHECK_SECONDS, close_when_idle, crawler)
    elif not slot.closing.called:
        slot.closing.callback(crawler.engine.spider)


def schedule_idle_check(crawler: Crawler) -> None:
    """Make a crawl check whether it has anything left to do.

    Scrapy 2.19 checks this when a response is done, and otherwise every five seconds;
    items from `start` have no response.
    """
    slot = getattr(crawler.engine, "_slot", None)
    if slot is not None:
        slot.nextcall.schedule()


def _log_failure(failure: Failure) -> None:
    log.error("the crawl could not be closed: %s", failure.value)
