"""The pace of a spider's `start`: that of who takes its items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from propload.sources.spiders.sink import PropLoadPipeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler


class Pace:
    """Makes a spider's `start` wait for room, and end with the crawl.

    Scrapy takes items from it as fast as they come, also while it closes.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.ended = False
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Pace:
        """Return the pace of a crawl."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield what the spider starts with, at the pace of who reads it."""
        async for one in start:
            sink = self._crawler.get_item_pipeline(PropLoadPipeline)
            if sink is not None:
                await sink.room()
            if self.ended or (sink is not None and not sink.takes_items):
                return
            yield one
