"""The end of a crawl: asked for, heard of before its pipelines are closed, reached."""

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

#: Nobody is told when the last item is done: looked at so often while it closes.
LOOK_AGAIN_SECONDS = 0.05


class Brake:
    """Ends a crawl with a reason, also one that is only about to begin.

    Args:
        crawler: The crawl; it may not have been started.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._reason: str | None = None
        self._opened = False
        crawler.signals.connect(self._on_opened, signals.spider_opened)

    def pull(self, reason: str) -> None:
        """End the crawl; called in its loop. The first reason holds."""
        if self._reason is not None:
            return
        self._reason = reason
        if self._opened and self._crawler.engine.spider is not None:
            closing = self._crawler.engine.close_spider_async(reason=reason)
            deferred_from_coro(closing).addErrback(_log_failure)
            # with JOBDIR they stay: taken back, they would be missing from the crawl
            # that continues
            if not self._crawler.settings.get("JOBDIR"):
                drop_queued(self._crawler)
            look_again(self._crawler)

    def _on_opened(self) -> None:
        self._opened = True
        if self._reason is not None:
            raise CloseSpider(self._reason)


def note_reason(engine: ExecutionEngine, on_reason: Callable[[str], None]) -> None:
    """Tell why a crawl ends before its pipelines are closed.

    Scrapy's signal of the end comes after that, when they have loaded everything.

    Args:
        engine: The crawl's engine.
        on_reason: Called each time that somebody ends the crawl; the first one holds.
    """
    close = engine.close_spider_async

    async def noting(*, reason: str = "cancelled") -> None:
        on_reason(reason)
        await close(reason=reason)

    engine.close_spider_async = noting  # type: ignore[method-assign] # see above


def drop_queued(crawler: Crawler) -> None:
    """Take back requests that wait for their turn: at a polite pace, minutes.

    Scrapy closes a crawl only after each of them.
    """
    for slot in list(crawler.engine.downloader.slots.values()):
        while slot.queue:
            request, answer = slot.queue.popleft()
            answer.errback(taken_back(request))


def taken_back(request: Request) -> Exception:
    """Return what becomes of a request that is not sent because the crawl ends."""
    # an errback is told what happened; without one Scrapy would log an error
    kind = DownloadCancelledError if request.errback else IgnoreRequest
    return kind("the crawl ends")


def look_again(crawler: Crawler) -> None:
    """Let a crawl close whose last items came from `start`.

    Scrapy 2.19 looks whether it may close only when a response is done; items that
    `start` gave have none, and a crawl that closes while they are in process would
    wait for ever.
    """
    slot = crawler.engine.scraper.slot
    if crawler.engine.spider is None or slot is None:
        return
    if slot.closing is None or not slot.is_idle():
        call_later(LOOK_AGAIN_SECONDS, look_again, crawler)
    elif not slot.closing.called:
        slot.closing.callback(crawler.engine.spider)


def look_further(crawler: Crawler) -> None:
    """Let a crawl see that it has nothing more to do.

    Scrapy 2.19 looks when a response is done, and else every five seconds: items that
    `start` gave have no response.
    """
    slot = getattr(crawler.engine, "_slot", None)
    if slot is not None:
        slot.nextcall.schedule()


def _log_failure(failure: Failure) -> None:
    log.error("the crawl could not be closed: %s", failure.value)
