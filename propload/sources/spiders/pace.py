"""Keeps a spider's `start` at the pace at which its items are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from propload.sources.spiders.sink import PropLoadPipeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler


class Pace:
    """Makes a spider's `start` wait for room, and end with the crawl.

    Scrapy takes items from `start` as fast as they come, even while the crawl closes.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.ended = False
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Pace:
        """Return the middleware of a crawl."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield what `start` yields, as there is room for it, until the crawl ends."""
        async for output in start:
            sink = self._crawler.get_item_pipeline(PropLoadPipeline)
            if sink is not None:
                await sink.room()
            if self.ended or (sink is not None and not sink.takes_items):
                return
            yield output
