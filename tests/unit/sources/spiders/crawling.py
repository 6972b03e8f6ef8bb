"""A loader in memory, and crawls without a network: of `start()` and data: URLs."""

import asyncio
import threading
from dataclasses import dataclass

import attrs
import scrapy
from scrapy.crawler import Crawler

from propload.errors import (
    LoadError,
    QueueClosedError,
)
from propload.report import Counts, Report, TargetName

SINK = "propload.sources.spiders.PropLoadPipeline"


class MemoryLoader:
    """A loader in memory that refuses batches while `room` of them are waiting."""

    def __init__(self, room=1_000_000, **settings):
        self.settings = settings
        self.room = room
        self.batches = []
        self.taken = 0
        self.failed = None
        self.kept = []
        self.disk_error = None
        self.closed = False
        self.got_one = threading.Event()
        self.refused_one = threading.Event()
        self._lock = threading.Lock()
        self._room = []
        self._failed = []

    @property
    def rows(self):
        return [row for batch in self.batches for row in batch.rows.to_pylist()]

    def try_put(self, batch):
        with self._lock:
            if self.failed:
                msg = "the loader stopped"
                raise QueueClosedError(msg) from self.failed
            if len(self.batches) - self.taken >= self.room:
                self.refused_one.set()
                return False
            self.batches.append(batch)
            self.got_one.set()
            return True

    def keep(self, batch):
        if self.disk_error is not None:
            raise self.disk_error
        self.kept += batch.rows.to_pylist()

    def take(self):
        with self._lock:
            assert self.taken < len(self.batches)
            self.taken += 1
            if self.taken == len(self.batches):
                self.got_one.clear()
        for listener in self._room:
            listener()

    def fail(self, error):
        self.failed = error
        for listener in self._failed:
            listener(error)

    def on_room(self, listener):
        self._room.append(listener)

    def on_failed(self, listener):
        self._failed.append(listener)

    def close(self, *, whole):
        self.closed = True
        self.whole = whole
        counts = Counts(read=len(self.rows), inserted=len(self.rows))
        report = Report("r", "loaded", "s", TargetName("d", "t"), counts, 1.0)
        if self.failed is not None:
            raise LoadError(str(self.failed), report=report)
        return report

    def abort(self, error):
        self.failed = error


def crawl(spider, **settings):
    """Crawl in this thread, and return the crawler and its loaders by table."""
    loaders = {}

    def make(**loader_settings):
        loader = MemoryLoader(**loader_settings)
        loaders[loader_settings.get("table")] = loader
        return loader

    base = {
        "TWISTED_REACTOR_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "ITEM_PIPELINES": {SINK: 800},
        "PROPLOAD_LOADER": make,
        # Scrapy leaves them open if a crawl ends before it has started
        "DOWNLOAD_HANDLERS": {"http": None, "https": None},
    }
    crawler = Crawler(spider, {**base, **settings})

    async def main():
        await crawler.crawl_async()

    asyncio.run(main())
    return crawler, loaders


def spider_of(items, **attributes):
    async def start(self):
        for item in items:
            yield item

    return type(
        "Given", (scrapy.Spider,), {"name": "given", "start": start, **attributes}
    )


@dataclass
class Home1:
    id: int
    city: str


@attrs.define
class Home2:
    id: int
    city: str
