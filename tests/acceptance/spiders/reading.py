"""Run crawls of the spiders without the sink, and collect what they read."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner

from propload_spiders.spiders.funda import FundaSpider

#: Time limit of a crawl, in seconds, on a busy machine.
PATIENCE = 120
LISTINGS = 150


@dataclass
class CrawlResult:
    items: list
    stats: dict

    @property
    def ids(self):
        return {item.listing_id for item in self.items}

    @property
    def reason(self):
        return self.stats["finish_reason"]

    @property
    def missing(self):
        return self.stats.get("crawl/missing", [])

    @property
    def notes(self):
        return self.stats.get("crawl/notes", [])

    def count(self, name):
        return self.stats.get(f"crawl/{name}", 0)


def crawl(spider=FundaSpider, *, settings=None, on_item=None, **arguments):
    """Crawl in a thread, without a reactor, as a program or a notebook does."""
    items, outcome = [], {}

    def keep(item):
        items.append(item)
        if on_item is not None:
            on_item(item)

    async def run():
        runner = AsyncCrawlerRunner(
            {"TWISTED_REACTOR_ENABLED": False, **(settings or {})}
        )
        crawler = runner.create_crawler(spider)
        crawler.signals.connect(keep, signal=signals.item_scraped)
        await runner.crawl(crawler, **arguments)
        outcome["stats"] = crawler.stats.get_stats()

    def work():
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised in the test
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the crawl hangs"
    if "error" in outcome:
        raise outcome["error"]
    return CrawlResult(items, outcome["stats"])


def open_ids(site, offering="buy"):
    return {
        key
        for key, listing in site.listings.items()
        if listing.home.offering == offering
        and not listing.is_closed
        and listing.status != "withdrawn"
    }


def site_answer(site, path):
    import urllib.request

    with urllib.request.urlopen(site.url + path) as answer:  # noqa: S310 - loopback
        return answer.read()
