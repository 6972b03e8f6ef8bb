"""A spider as a source: crawls in this process, without a network."""

import contextlib
import logging
import threading
from typing import ClassVar

import pytest
import scrapy
from scrapy.exceptions import CloseSpider, DropItem
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred

from propload.errors import BlockedError, ConfigError, SourceError
from propload.sources.spiders import SpiderSource
from propload.sources.spiders import crawl as crawl_module
from propload.sources.spiders.feed import Feed
from tests.unit.sources.spiders.crawling import spider_of

pytestmark = pytest.mark.timeout(30)


def read(source):
    return [row for batch in source for row in batch.rows.to_pylist()]


def test_spider_can_be_read_several_times():
    source = SpiderSource(spider_of([{"id": n} for n in range(250)]))
    for _ in range(2):
        assert [row["id"] for row in read(source)] == list(range(250))
        assert source.outcome.finish_reason == "finished"
        assert source.outcome.items == 250
        assert source.incomplete == ""
    assert source.name == "given"
    assert not source.rereadable
    assert source.fingerprint() is None


def test_arguments_and_settings_reach_the_spider():
    class Spider(scrapy.Spider):
        name = "asks"
        custom_settings: ClassVar = {"DOWNLOAD_DELAY": 7, "USER_AGENT": "mine"}

        async def start(self):
            names = ("ROBOTSTXT_OBEY", "DOWNLOAD_DELAY", "USER_AGENT")
            found = {name: self.settings[name] for name in names}
            yield {**found, "place": self.place}

    source = SpiderSource(Spider, {"place": "delft"}, {"USER_AGENT": "yours"})
    (row,) = read(source)
    assert row == {
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": 7,
        "USER_AGENT": "yours",
        "place": "delft",
    }


@pytest.mark.parametrize(
    ("batches", "nbytes"), [(8, 1 << 30), (1_000, 1)], ids=["batches", "bytes"]
)
def test_crawl_waits_while_its_batches_are_not_read(monkeypatch, batches, nbytes):
    yielded, waits = [], threading.Event()
    wait_for_room = Feed._wait_for_room

    def recorded(feed):
        waits.set()
        return wait_for_room(feed)

    monkeypatch.setattr(Feed, "_wait_for_room", recorded)
    monkeypatch.setattr(crawl_module, "BATCHES_WAITING", batches)
    monkeypatch.setattr(crawl_module, "BYTES_WAITING", nbytes)

    class Spider(scrapy.Spider):
        name = "eager"
        custom_settings: ClassVar = {"PROPLOAD_FLUSH_ROWS": 1, "CONCURRENT_ITEMS": 1}

        async def start(self):
            yield scrapy.Request("data:text/html,x")

        def parse(self, response):
            for number in range(100):
                yielded.append(number)
                yield {"id": number}

    rows = iter(SpiderSource(Spider))
    first = next(rows)
    assert waits.wait(10)
    # one is read, the queue is full, and Scrapy is processing a few
    assert len(yielded) < 30
    ids = [batch.rows.to_pylist()[0]["id"] for batch in [first, *rows]]
    assert ids == list(range(100))


class Endless(scrapy.Spider):
    name = "endless"
    closed_with = None

    async def start(self):
        number = 0
        while True:
            number += 1
            yield {"id": number}

    def closed(self, reason):
        type(self).closed_with = reason


def test_stop_ends_the_crawl_and_yields_what_was_read():
    source = SpiderSource(Endless)
    ids = []
    for batch in source:
        ids += [row["id"] for row in batch.rows.to_pylist()]
        if len(ids) >= 500:
            source.stop()
    assert ids == list(range(1, len(ids) + 1))
    assert source.outcome.finish_reason == "shutdown"
    assert source.outcome.items == len(ids)


def test_source_stopped_before_it_began_yields_nothing(caplog):
    source = SpiderSource(Endless)
    source.stop()
    assert read(source) == []
    assert source.outcome.finish_reason == "shutdown"
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_closing_the_iterator_ends_the_crawl():
    Endless.closed_with = None
    rows = iter(SpiderSource(Endless))
    next(rows)
    rows.close()
    assert Endless.closed_with is not None
    assert not [t for t in threading.enumerate() if t.name.startswith("propload-crawl")]


def test_exception_in_the_loop_over_batches_ends_the_crawl():
    Endless.closed_with = None
    rows = iter(SpiderSource(Endless))
    next(rows)
    with pytest.raises(KeyError):
        rows.throw(KeyError("x"))
    assert Endless.closed_with is not None


class Failing(scrapy.Spider):
    name = "failing"
    custom_settings: ClassVar = {"DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False}
    pages = 3

    async def start(self):
        for number in range(int(self.pages)):
            yield scrapy.Request(f"data:text/html,{number}")

    def parse(self, response):
        msg = "no such field"
        raise KeyError(msg)


def test_spider_that_raises_in_every_callback_is_an_error():
    source = SpiderSource(Failing)
    with pytest.raises(SourceError, match="KeyError at data:text/html,0"):
        read(source)
    assert source.outcome.errors == 3
    assert any("3 exceptions" in note for note in source.notes)


def test_spider_that_raises_once_is_read_and_the_exception_noted():
    class Sometimes(Failing):
        def parse(self, response):
            if response.text == "1":
                return super().parse(response)
            return {"id": response.text}

    source = SpiderSource(Sometimes)
    assert sorted(row["id"] for row in read(source)) == ["0", "2"]
    assert source.outcome.errors == 1
    assert "1 exception" in source.incomplete
    assert any("KeyError at data:text/html,1" in note for note in source.notes)


class Cleaner:
    """Raises on odd numbers, and drops every fourth one."""

    def process_item(self, item):
        if item["id"] % 2:
            msg = "my own mistake"
            raise ValueError(msg)
        if item["id"] % 4 == 0:
            msg = "too cheap"
            raise DropItem(msg)
        return item


def test_notes_count_the_items_lost_in_pipelines():
    spider = spider_of([{"id": number} for number in range(100)])
    source = SpiderSource(spider, settings={"ITEM_PIPELINES": {Cleaner: 300}})
    assert len(read(source)) == 25
    outcome = source.outcome
    assert (outcome.items, outcome.item_errors, outcome.dropped_items) == (25, 50, 25)
    message = "an item pipeline raised on 50 items: rows may be missing"
    assert message == source.incomplete
    notes = source.notes
    assert message in notes
    assert "an item pipeline dropped 25 items" in notes
    assert "an item pipeline raised ValueError: my own mistake" in notes
    # each reason is noted once
    assert notes.count("an item pipeline dropped an item: too cheap") == 1


def test_pipeline_that_imports_a_reactor_is_an_error():
    class WaitingForReactor:
        async def process_item(self, item):
            from twisted.internet import reactor

            waiting = Deferred()
            reactor.callLater(0, waiting.callback, item)
            return await maybe_deferred_to_future(waiting)

    source = SpiderSource(
        spider_of([{"id": 1}]), settings={"ITEM_PIPELINES": {WaitingForReactor: 1}}
    )
    with pytest.raises(SourceError, match="raised ImportError: Import of twisted"):
        read(source)


# Scrapy creates the coroutines of all pipelines before it awaits one
@pytest.mark.filterwarnings("ignore:.*never awaited:RuntimeWarning")
def test_pipeline_that_cannot_be_closed_loses_no_row():
    class FailingToClose:
        def close_spider(self):
            raise OSError

        def process_item(self, item):
            return item

    source = SpiderSource(
        spider_of([{"id": 1}]),
        settings={"ITEM_PIPELINES": {FailingToClose: 1}, "PROPLOAD_FLUSH_SECONDS": 60},
    )
    assert read(source) == [{"id": 1}]


def test_spider_that_raises_in_start_yields_its_rows_and_fails():
    class Spider(scrapy.Spider):
        name = "starts"

        async def start(self):
            yield {"id": 1}
            msg = "no list of places"
            raise ValueError(msg)

    rows = iter(SpiderSource(Spider))
    assert next(rows).rows.to_pylist() == [{"id": 1}]
    with pytest.raises(SourceError, match="no list of places"):
        next(rows)


def test_crawl_of_zero_pages_is_an_error():
    with pytest.raises(SourceError, match="no items from 0 pages"):
        read(SpiderSource(Failing, {"pages": "0"}))


def test_all_items_of_a_page_of_300_are_read():
    class Page(Failing):
        pages = 1

        def parse(self, response):
            for number in range(300):
                yield {"id": number}

    assert len(read(SpiderSource(Page))) == 300


def test_crawl_that_is_closed_as_blocked_raises_blocked_error():
    class Blocked(Failing):
        def parse(self, response):
            yield {"id": 1}
            reason = "blocked"
            raise CloseSpider(reason)

    rows = iter(SpiderSource(Blocked, {"pages": "1"}))
    assert next(rows).rows.num_rows == 1
    with pytest.raises(BlockedError, match="refused by the site"):
        next(rows)


def test_notes_say_what_a_spider_reports_as_missing():
    class MissingPage(Failing):
        def parse(self, response):
            self.crawler.stats.set_value("crawl/missing", ["page 7 did not come"])
            return {"id": 1}

    source = SpiderSource(MissingPage)
    read(source)
    assert "page 7 did not come" in source.notes


def test_error_of_a_spider_that_refuses_its_arguments_is_passed_on():
    class Strict(scrapy.Spider):
        name = "strict"

        def __init__(self, name=None, **unknown):
            super().__init__(name)
            if unknown:
                msg = f"no argument {next(iter(unknown))}"
                raise ConfigError(msg)

    with pytest.raises(ConfigError, match="no argument plaats"):
        read(SpiderSource(Strict, {"plaats": "delft"}))


def test_spider_whose_init_fails_is_a_source_error():
    class Broken(scrapy.Spider):
        name = "broken"

        def __init__(self, name=None, **_arguments):
            msg = "no disk"
            raise OSError(msg)

    with pytest.raises(SourceError, match="OSError: no disk") as caught:
        read(SpiderSource(Broken))
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    "settings",
    [
        {"STATS_CLASS": "scrapy.statscollectors.DummyStatsCollector"},
        {"EXTENSIONS": {"scrapy.extensions.corestats.CoreStats": None}},
    ],
    ids=["stats", "core stats"],
)
@pytest.mark.parametrize(
    ("answers", "error", "reason"),
    [
        ([{"id": 1}], None, "finished"),
        ([], SourceError, "finished"),
        ([CloseSpider("blocked")], BlockedError, "blocked"),
        ([{"id": 1}, ValueError("odd page")], None, "finished"),
    ],
    ids=["an item", "nothing", "a block", "an exception"],
)
def test_crawl_without_scrapy_stats_has_the_same_outcome(
    settings, answers, error, reason
):
    class Spider(scrapy.Spider):
        name = "uncounted"
        start_urls = ("data:,homes",)

        def parse(self, response):
            for one in answers:
                if isinstance(one, Exception):
                    raise one
                yield one

    source = SpiderSource(Spider, settings=settings)
    with pytest.raises(error) if error else contextlib.nullcontext():
        assert len(read(source)) == 1
    assert source.outcome.finish_reason == reason
    assert source.outcome.pages == 1
    assert source.outcome.items == answers.count({"id": 1})
    assert source.outcome.errors == sum(isinstance(a, ValueError) for a in answers)
    assert source.outcome.notes[0].startswith("crawled 1 page")


def test_crawl_whose_job_folder_has_seen_every_page_is_an_error(tmp_path):
    class Spider(scrapy.Spider):
        name = "goes_on"

        async def start(self):
            yield scrapy.Request("data:,homes")

        def parse(self, response):
            yield {"id": 1}

    settings = {"JOBDIR": str(tmp_path)}
    assert len(read(SpiderSource(Spider, settings=settings))) == 1
    with pytest.raises(SourceError, match=r"1 request was not sent.*a new folder"):
        read(SpiderSource(Spider, settings=settings))


def test_error_names_allowed_domains_that_exclude_the_site():
    class Spider(scrapy.Spider):
        name = "elsewhere"
        allowed_domains = ("example.org",)

        async def start(self):
            yield scrapy.Request("http://127.0.0.1:9/homes")

        def parse(self, response):
            yield {"id": 1}

    with pytest.raises(SourceError, match="not sent, as allowed_domains leaves"):
        read(SpiderSource(Spider))
