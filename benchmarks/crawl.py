"""What does the table cost a crawl? The same items with the sink and without."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

import propload
from benchmarks.listings import listings
from benchmarks.loads import place
from benchmarks.measuring import Case, Options, main, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from benchmarks.scratch import Scratch

NAME = "crawl"
QUESTION = "What does the table cost a crawl?"
ROWS = 20_000
BY = ("how",)
#: The digest of a table without rows.
NOTHING = (0, 0)


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run; each crawl is a process of its own."""
    return measure(_cases(scratch, options.rows), options, warm=0)


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    expected = scratch.digest_of(listings(rows))

    def case(
        how: str, run: Callable[[Any], None], told: object, stored: tuple[int, int]
    ) -> Case:
        return Case(
            {"how": how},
            rows,
            lambda: _alone(run, told),
            lambda: scratch.fresh("target"),
            lambda: scratch.verify("target", stored),
        )

    yield case("crawl alone", _crawl, rows, NOTHING)
    yield case("crawl into a table", _crawl_and_load, (rows, scratch), expected)


def _alone(run: Callable[[Any], None], told: object) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(run, (told,))


def _spider(rows: int) -> type:
    """Return a spider whose one page holds all the items: no network, no parsing."""
    import scrapy  # noqa: PLC0415 - only the processes that crawl need it

    items = listings(rows).to_dicts()

    class Pages(scrapy.Spider):
        name = "pages"
        start_urls = ["data:,all"]  # noqa: RUF012 - as Scrapy has it

        def parse(self, _: object) -> Any:
            yield from items

    return Pages


def _crawl(rows: int) -> None:
    from scrapy.crawler import CrawlerProcess  # noqa: PLC0415 - as above

    process = CrawlerProcess({"LOG_ENABLED": False})
    process.crawl(_spider(rows))
    process.start()


def _crawl_and_load(told: tuple[int, Scratch]) -> None:
    rows, scratch = told
    propload.ingest(_spider(rows), **place(scratch, "target"))


if __name__ == "__main__":
    main(sys.modules[__name__])
