"""Spiders that misbehave, loaded into a real database."""

from __future__ import annotations

import asyncio
import threading
from typing import ClassVar

import pytest
import scrapy

from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, LoadError, LockedError
from propload.ingesting import ingest
from propload.sources.spiders import Watch
from propload_spiders.demo import DemoSite
from tests.integration.reading import query

pytestmark = [
    pytest.mark.timeout(90),
    pytest.mark.one_server,
]
#: Longest wait for something that should happen at once, in seconds.
PATIENCE = 60


class HomesSpider(scrapy.Spider):
    """Yields the rows that a test gives it."""

    name = "homes"
    rows: ClassVar[list] = []

    async def start(self):
        for row in self.rows:
            yield row


def spider_of(*rows):
    return type("Given", (HomesSpider,), {"rows": list(rows)})


def load(spider, database, **settings):
    arguments = {"table": "homes", "key": "id", **settings}
    return ingest(spider, to=database, progress=False, **arguments)


def homes(database, columns="id"):
    return query(database, f"SELECT {columns} FROM homes ORDER BY id")


def test_items_without_key_or_of_a_wrong_type_are_rejected_alone(database):
    load(spider_of({"id": 1, "city": "Delft", "price": 350_000}), database)
    report = load(
        spider_of(
            {"id": 2, "city": "Leiden", "price": 425_000},
            {"id": None, "city": "Gouda", "price": 295_000},
            {"city": "Breda", "price": 310_000},
            {"id": 4, "city": "Assen", "price": "on request"},
            {"id": 5, "city": "Emmen", "price": 199_000.5},
        ),
        database,
    )
    assert (report.counts.inserted, report.counts.rejected) == (1, 4)
    assert homes(database, "id, city, price") == [
        (1, "Delft", 350_000),
        (2, "Leiden", 425_000),
    ]
    reasons = report.reasons
    examples = " ".join(reasons["example"])
    assert "null in the key, so the row has no identity" in examples
    assert "on request" in str(report.rejects["price"].to_list())
    assert set(reasons["column"]) == {"id", "price"}


def test_item_that_is_no_row_is_rejected_with_its_reason(database):
    report = load(spider_of({"id": 1}, {}, {3: "three"}), database)
    assert (report.counts.inserted, report.counts.rejected) == (1, 2)
    reasons = str(report.rejects["propload_reasons"].to_list())
    assert "it has no fields" in reasons
    assert "the field name 3 is not a text" in reasons


class RaisingSpider(scrapy.Spider):
    """Raises on every third page."""

    name = "raising"

    def __init__(self, urls, **arguments):
        super().__init__(**arguments)
        self.urls = urls

    async def start(self):
        for number, url in enumerate(self.urls):
            yield scrapy.Request(url, cb_kwargs={"number": number}, dont_filter=True)

    def parse(self, response, number):
        yield {"id": number}
        if number % 3 == 2:
            raise KeyError("price")


def test_exceptions_in_callbacks_are_counted_and_named(database):
    with DemoSite(listings=20) as site:
        report = load(RaisingSpider, database, **raising_on(site, 9))
    assert report.status == "loaded"
    assert homes(database) == [(number,) for number in range(9)]
    notes = " ".join(report.notes)
    assert "the spider raised 3 exceptions: rows may be missing" in notes
    assert "KeyError" in notes


def raising_on(site, pages):
    """Return the settings of a crawl of so many pages, every third of which raises."""
    urls = [f"{site.url}/zoeken/koop?page={number}" for number in range(pages)]
    return {"arguments": {"urls": urls}, "crawl_settings": QUICK}


@pytest.mark.parametrize("limit", [{}, {"CLOSESPIDER_ITEMCOUNT": 1}])
def test_crawl_that_lacks_rows_replaces_no_table(database, limit):
    load(spider_of(*({"id": number} for number in range(100))), database)
    with DemoSite(listings=20) as site:
        settings = raising_on(site, 1 if limit else 3)
        settings["crawl_settings"] = {**QUICK, **limit}
        with pytest.raises(LoadError, match="not all rows of raising came") as caught:
            load(RaisingSpider, database, mode="replace", **settings)
    assert caught.value.exit_code == 1
    assert len(homes(database)) == 100
    # neither the next run nor an unnamed recovery puts the partial rows there
    load(spider_of({"id": 100}), database)
    assert recover(to=database) == []
    run_id = caught.value.report.run_id
    assert "public.homes keeps its old rows. To put what came in their place: " in (
        str(caught.value)
    )
    assert f"propload recover {run_id}" in str(caught.value)
    recover(run_id, to=database)
    assert homes(database) == [(number,) for number in range(1 if limit else 3)]


@pytest.mark.timeout(30)
def test_item_limit_ends_a_crawl_whose_items_have_no_page(database):
    spider = spider_of(*({"id": number} for number in range(9)))
    report = load(spider, database, crawl_settings={"CLOSESPIDER_ITEMCOUNT": 2})
    assert report.status == "loaded"
    assert "the crawl ended early: closespider_itemcount" in report.notes
    assert len(homes(database)) == report.counts.read >= 2


class RaisingPipeline:
    """Raises on one item."""

    def process_item(self, item):
        if item["id"] == 1:
            raise ValueError(item["id"])
        return item


@pytest.mark.parametrize("middlewares", [{}, {"DOWNLOADER_MIDDLEWARES": {Watch: None}}])
def test_item_lost_in_a_pipeline_prevents_a_replace(database, middlewares):
    load(spider_of(*({"id": number} for number in range(100))), database)
    settings = {"ITEM_PIPELINES": {RaisingPipeline: 100}, **middlewares}
    spider = spider_of({"id": 0}, {"id": 1}, {"id": 2})
    with pytest.raises(LoadError, match=r"not all rows of .* came"):
        load(spider, database, mode="replace", crawl_settings=settings)
    assert len(homes(database)) == 100


def test_crawl_that_lacks_no_rows_replaces_the_table(database):
    load(spider_of(*({"id": number} for number in range(100))), database)
    with DemoSite(listings=20) as site:
        report = load(RaisingSpider, database, mode="replace", **raising_on(site, 2))
    assert report.status == "loaded"
    assert homes(database) == [(0,), (1,)]


#: No delays: the site is on this machine.
QUICK = {"DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False}


class LongPageSpider(scrapy.Spider):
    """Yields 300 items from one page, more than a batch of the sink holds."""

    name = "long-page"

    def __init__(self, url, **arguments):
        super().__init__(**arguments)
        self.url = url

    async def start(self):
        yield scrapy.Request(self.url)

    def parse(self, response):
        for number in range(300):
            yield {"id": number, "page": response.url}


def test_page_of_300_items_is_loaded_completely(database):
    with DemoSite(listings=20) as site:
        spider_arguments = {"url": f"{site.url}/zoeken/koop"}
        report = load(
            LongPageSpider, database, arguments=spider_arguments, crawl_settings=QUICK
        )
    assert report.counts.inserted == 300
    assert homes(database) == [(number,) for number in range(300)]


def test_crawl_of_no_pages_and_no_items_exits_with_4(database):
    with pytest.raises(LoadError, match="gave no items from 0 pages") as caught:
        load(spider_of(), database)
    assert caught.value.exit_code == 4
    assert caught.value.report.counts.read == 0


def test_error_names_an_unknown_argument_or_spider(database):
    with pytest.raises(ConfigError, match="did you mean 'place'"):
        ingest("spider:funda", plaace="delft", to=database)
    with pytest.raises(ConfigError, match="there is no spider 'fundaa'"):
        ingest("spider:fundaa", place="delft", to=database)


class WaitingSpider(scrapy.Spider):
    """Yields one item, and ends once it is released."""

    name = "waiting"

    def __init__(self, release, **arguments):
        super().__init__(**arguments)
        self.release = release

    async def start(self):
        yield {"id": 1}
        while not self.release.is_set():
            await asyncio.to_thread(self.release.wait, 1)


class Crawling:
    """A crawl that goes on in a thread while the block runs."""

    def __init__(self, database, **settings):
        self.release = threading.Event()
        self.report = None
        self._thread = threading.Thread(
            target=self._run, args=(database, settings), daemon=True
        )

    def _run(self, database, settings):
        arguments = {"release": self.release}
        self.report = load(WaitingSpider, database, arguments=arguments, **settings)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the crawl hangs"


def test_item_is_committed_while_the_crawl_continues(database):
    load(spider_of({"id": 0}), database)
    with Crawling(database, batch_seconds=0.1) as crawl:
        wait_for(lambda: homes(database) == [(0,), (1,)])
    assert crawl.report.counts.inserted == 1


def test_second_crawl_is_refused_while_first_holds_the_lock(database):
    load(spider_of({"id": 0}), database)
    with Crawling(database, batch_seconds=0.1, lock=True) as crawl:
        wait_for(lambda: len(homes(database)) == 2)
        with pytest.raises(LockedError) as caught:
            load(spider_of({"id": 2}), database, lock=True)
    assert caught.value.exit_code == 75
    assert crawl.report.status == "loaded"


def wait_for(condition):
    """Poll until a condition of the database holds."""
    tick = threading.Event()
    for _ in range(PATIENCE * 20):
        if condition():
            return
        tick.wait(0.05)
    pytest.fail("it did not happen")
