"""The sink with its real loader: a load that fails for good loses no item."""

import asyncio
import logging

import pytest
import scrapy
from scrapy.crawler import Crawler

from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.sources.spiders import PropLoadPipeline
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]
ODD = 205


class Homes(scrapy.Spider):
    """Yields 300 items from a page, and 50 more once the load has failed."""

    name = "homes"

    start_urls = ("data:,x",)

    async def parse(self, _response):
        for number in range(300):
            yield {"id": number, **({"odd": 1} if number == ODD else {})}
        sink = self.crawler.get_item_pipeline(PropLoadPipeline)
        # Scrapy gives no sign of it; closing the crawl waits for this callback
        while sink.error is None:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
        for number in range(300, 350):
            yield {"id": number}


def crawl(database, **settings):
    crawler = Crawler(
        Homes,
        {
            "TWISTED_REACTOR_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "ITEM_PIPELINES": {PropLoadPipeline: 800},
            "DOWNLOAD_HANDLERS": {"http": None, "https": None},
            "PROPLOAD_TO": database,
            "PROPLOAD_TABLE": "homes",
            "PROPLOAD_KEY": "id",
            "PROPLOAD_FLUSH_ROWS": 20,
            "PROPLOAD_FLUSH_SECONDS": 0.2,
            "PROPLOAD_BATCH_SECONDS": 0.05,
            **settings,
        },
    )

    async def work():
        await crawler.crawl_async()

    asyncio.run(work())
    return crawler.stats


def test_every_item_is_in_the_table_or_in_a_journal(database, caplog):
    caplog.set_level(logging.WARNING)
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    stats = crawl(database)
    assert stats.get_value("finish_reason") == "propload_failed"
    items = stats.get_value("propload/items")
    assert items > ODD
    assert stats.get_value("propload/kept") > 0
    assert stats.get_value("propload/lost") == 0
    assert "came after the load had failed: run" in caplog.text
    run_sql(database, "ALTER TABLE homes ADD COLUMN odd bigint")
    recover(to=database)
    assert set(read_table(database, "homes")["id"]) == set(range(items))
    assert leftovers() == []


def test_items_that_a_failed_replace_does_not_keep_are_reported(database, caplog):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    stats = crawl(database, PROPLOAD_MODE="replace")
    lost = stats.get_value("propload/lost")
    assert lost > 0
    assert f"{lost} items are lost, neither in the table nor in the journal" in (
        caplog.text
    )


def test_errors_name_settings_as_scrapy_does(database, caplog):
    crawl(database, PROPLOAD_KEY=None)
    assert (
        "specify key columns (PROPLOAD_KEY=A,B), or use PROPLOAD_MODE=append"
        in caplog.text
    )
    crawl(database, PROPLOAD_MODE="upsrt")
    assert "PROPLOAD_MODE: 'upsrt' is not one of upsert, append" in caplog.text
