"""What does the table cost a crawl? The same items with the sink and without.

Each crawl is timed in a process of its own, which has crawled a few items before, so
that neither its start nor its imports are measured.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

import propload
from benchmarks.isolated import WARM_ROWS, run_isolated
from benchmarks.listings import listings
from benchmarks.loads import place
from benchmarks.measuring import Case, Options, main, measure
from benchmarks.scratch import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from benchmarks.scratch import Scratch

    Crawl = Callable[[type, Scratch, str], None]

NAME = "crawl"
QUESTION = "What does the table cost a crawl?"
ROWS = 20_000
BY = ("how",)
#: The digest of a table without rows.
NOTHING = Digest(0, 0)


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run."""
    return measure(_cases(scratch, options.rows), options)


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    expected = scratch.digest_of(listings(rows))

    def case(how: str, crawl: Crawl, stored: Digest) -> Case:
        return Case.of_new_table(
            scratch,
            stored,
            {"how": how},
            rows,
            lambda: {"seconds": run_isolated(_seconds, crawl, rows, scratch)},
        )

    yield case("crawl alone", _crawl, NOTHING)
    yield case("crawl into a table", _crawl_and_load, expected)


def _seconds(crawl: Crawl, rows: int, scratch: Scratch) -> float:
    """Return the seconds that a crawl takes in a process that has crawled before."""
    # Scrapy warns that its download handlers are experimental
    logging.disable(logging.WARNING)
    scratch.create("warm")
    crawl(_spider(WARM_ROWS), scratch, "warm")
    spider = _spider(rows)
    began = time.perf_counter()
    crawl(spider, scratch, "target")
    return time.perf_counter() - began


def _spider(rows: int) -> type:
    """Return a spider that yields all items from one page, without network access."""
    import scrapy  # noqa: PLC0415 - only the processes that crawl need it

    items = listings(rows).to_dicts()

    class Pages(scrapy.Spider):
        name = "pages"
        start_urls = ["data:,all"]  # noqa: RUF012 - as Scrapy has it

        def parse(self, _: object) -> Any:
            yield from items

    return Pages


def _crawl(spider: type, _scratch: Scratch, _table: str) -> None:
    from scrapy.crawler import Crawler  # noqa: PLC0415 - as above

    # without Twisted's reactor, as in propload, so that a process can crawl repeatedly
    settings = {"TWISTED_REACTOR_ENABLED": False, "TELNETCONSOLE_ENABLED": False}
    asyncio.run(Crawler(spider, settings).crawl_async())


def _crawl_and_load(spider: type, scratch: Scratch, table: str) -> None:
    propload.ingest(spider, **place(scratch, table))


if __name__ == "__main__":
    main(sys.modules[__name__])
