"""The sink and spiders as sources, without a network: items from start() and data:."""

import asyncio
import json
import logging
import threading
from dataclasses import dataclass
from typing import ClassVar

import attrs
import pydantic
import pytest
import scrapy
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, DropItem

from propload.errors import (
    BlockedError,
    ConfigError,
    JournalError,
    LoadError,
    QueueClosedError,
    SourceError,
)
from propload.report import Counts, Report, TargetName
from propload.sources.spiders import (
    Pace,
    PropLoadAddon,
    PropLoadPipeline,
    SpiderSource,
    Watch,
    find_spider,
    list_spiders,
)
from propload.sources.spiders import crawl as crawl_module
from propload.sources.spiders.feed import Feed
from propload.sources.spiders.loop import Home
from propload.sources.spiders.outcome import CrawlOutcome
from propload.sources.spiders.rows import FlushOptions, ItemRows

pytestmark = pytest.mark.timeout(30)
SINK = "propload.sources.spiders.PropLoadPipeline"


class MemoryLoader:
    """A loader in memory that holds so many batches until they are taken."""

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


def run_feed(work, *, loader=None, flush=None):
    """Run `work(feed, loader)` in a loop of its own."""
    loader, flush = loader or MemoryLoader(), flush or FlushOptions()

    async def main():
        rows = ItemRows("s", flush)
        feed = Feed(loader, rows, flush, Home(), on_failed=lambda _error: None)
        return await work(feed)

    return asyncio.run(main()), loader


def crawl(spider, **settings):
    """Crawl in this thread; returns the crawler, and loaders by table."""
    loaders = {}

    def make(**given):
        made = MemoryLoader(**given)
        loaders[given.get("table")] = made
        return made

    base = {
        "TWISTED_REACTOR_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "ITEM_PIPELINES": {SINK: 800},
        "PROPLOAD_LOADER": make,
        # Scrapy leaves them open where a crawl ends before it began
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


# ---- rows ----


@dataclass
class Home1:
    id: int
    city: str


@attrs.define
class Home2:
    id: int
    city: str


class Home3(pydantic.BaseModel):
    id: int
    city: str


class Home4(scrapy.Item):
    id = scrapy.Field()
    city = scrapy.Field()


@pytest.mark.parametrize("kind", [dict, Home1, Home2, Home3, Home4])
def test_every_kind_of_item_is_a_row(kind):
    rows = ItemRows("s", FlushOptions())
    rows.add(kind(id=1, city="Delft"))
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [{"id": 1, "city": "Delft"}]
    assert (batch.source, batch.first_row) == ("s", 1)


def test_nested_values_are_json_text_and_flat_lists_stay_lists():
    rows = ItemRows("s", FlushOptions())
    nested = {"a": {"b": [1, {"c": None}]}, "flat": ["x", "y"], "deep": [{"d": 1}]}
    rows.add(nested)
    (batch,) = rows.take()
    (row,) = batch.rows.to_pylist()
    assert json.loads(row["a"]) == nested["a"]
    assert row["flat"] == ["x", "y"]
    assert json.loads(row["deep"]) == nested["deep"]


def test_a_row_is_as_it_was_when_it_was_given():
    rows = ItemRows("s", FlushOptions())
    item = {"id": 1, "tags": ["a"]}
    rows.add(item)
    item["id"] = 2
    item["tags"].append("b")
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [{"id": 1, "tags": ["a"]}]


class Sulky:
    def __str__(self):
        msg = "no text"
        raise RuntimeError(msg)

    __repr__ = __str__


def circle():
    item = {"id": 1}
    item["self"] = item
    return item


@pytest.mark.parametrize(
    ("item", "check"),
    [
        (7, "item"),
        (None, "item"),
        ({}, "item"),
        (object(), "item"),
        (Sulky(), "item"),
        ({"id": Sulky()}, "item"),
        ({3: "x"}, "item"),
        ({("a", "b"): 1}, "item"),
        (circle(), "item"),
        ({"id": "\ud800"}, "value"),
    ],
)
def test_an_item_that_is_no_row_costs_itself_only(item, check):
    rows = ItemRows("s", FlushOptions())
    for one in ({"id": "a"}, item, {"id": "c"}):
        rows.add(one)
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [{"id": "a"}, {"id": "c"}]
    assert [(fault.row, fault.check) for fault in batch.unread] == [(2, check)]
    assert batch.unread[0].message
    rows.add({"id": "d"})
    (batch,) = rows.take()
    assert batch.first_row == 4
    assert batch.rows.to_pylist() == [{"id": "d"}]


def test_a_selector_in_an_item_says_what_to_call():
    rows = ItemRows("s", FlushOptions())
    rows.add({"id": 1, "title": scrapy.Selector(text="<h1>a</h1>").css("h1::text")})
    (batch,) = rows.take()
    assert "column title: a SelectorList is no value: call .get()" in (
        batch.unread[0].message
    )


def test_items_of_other_columns_share_a_batch():
    rows = ItemRows("s", FlushOptions())
    rows.add({"id": 1, "price": 5})
    rows.add({"id": 2, "rent": "x"})
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [
        {"id": 1, "price": 5, "rent": None},
        {"id": 2, "price": None, "rent": "x"},
    ]


# ---- feed ----


def test_a_batch_goes_by_rows():
    async def work(feed):
        for number in range(250):
            await feed.put({"id": number})
        return [batch.rows.num_rows for batch in loader.batches]

    loader = MemoryLoader()
    before_close, _ = run_feed(work, loader=loader)
    assert before_close == [100, 100]


def test_a_batch_goes_by_bytes():
    async def work(feed):
        for number in range(4):
            await feed.put({"text": str(number) * 600})

    _, loader = run_feed(work, flush=FlushOptions(bytes=1000))
    assert [batch.rows.num_rows for batch in loader.batches] == [2, 2]


def test_one_item_goes_by_a_timer_without_another_item():
    async def work(feed):
        await feed.put({"id": 1})
        assert not loader.batches
        await asyncio.to_thread(loader.got_one.wait, 10)

    loader = MemoryLoader()
    run_feed(work, loader=loader, flush=FlushOptions(seconds=0.01))
    assert loader.rows == [{"id": 1}]


def test_close_hands_over_what_is_left_and_returns_the_report():
    async def work(feed):
        await feed.put({"id": 1})
        return await feed.close(whole=True)

    report, loader = run_feed(work)
    assert loader.closed
    assert report.counts.read == 1


def test_a_full_loader_makes_put_wait_and_leaves_the_loop_free():
    async def work(feed):
        await feed.put({"id": 0})
        waiting = asyncio.ensure_future(feed.put({"id": 1}))
        # the loop goes on: it is what runs this
        await asyncio.to_thread(loader.refused_one.wait, 10)
        assert not waiting.done()
        await asyncio.to_thread(loader.take)
        await waiting
        return feed.counts

    loader = MemoryLoader(room=1)
    counts, _ = run_feed(work, loader=loader, flush=FlushOptions(rows=1))
    assert [row["id"] for row in loader.rows] == [0, 1]
    assert counts.waits == 1
    assert counts.wait_seconds > 0


def test_many_items_at_once_all_pass_a_narrow_loader_in_order():
    loader = MemoryLoader(room=1)
    done = threading.Event()

    def consume():
        while not done.is_set():
            if loader.got_one.wait(0.05):
                loader.take()

    async def work(feed):
        await asyncio.gather(*(feed.put({"id": n}) for n in range(600)))
        return await feed.close(whole=True)

    consumer = threading.Thread(target=consume, daemon=True)
    consumer.start()
    report, _ = run_feed(work, loader=loader, flush=FlushOptions(rows=7))
    done.set()
    consumer.join(10)
    assert report.counts.read == 600
    assert [row["id"] for row in loader.rows] == list(range(600))


def fail_while_items_wait(disk_error=None):
    """Fail with 1 batch taken, 49 that wait and 1 item that comes later."""

    async def work(feed):
        await feed.put({"id": 0})
        waiting = [asyncio.ensure_future(feed.put({"id": n})) for n in range(1, 50)]
        await asyncio.to_thread(loader.refused_one.wait, 10)
        await asyncio.to_thread(loader.fail, LoadError("the table is gone"))
        late = asyncio.ensure_future(feed.put({"id": 50}))
        results = await asyncio.gather(*waiting, late, return_exceptions=True)
        await feed.close(whole=True)
        return feed, results

    loader = MemoryLoader(room=1)
    loader.disk_error = disk_error
    (feed, results), _ = run_feed(work, loader=loader, flush=FlushOptions(rows=1))
    assert str(feed.error) == "the table is gone"
    return feed, results, loader


def test_a_failure_wakes_those_who_wait_and_keeps_what_follows():
    feed, results, loader = fail_while_items_wait()
    assert not [one for one in results if isinstance(one, Exception)]
    assert [row["id"] for row in loader.rows] == [0]
    assert [row["id"] for row in loader.kept] == list(range(1, 51))
    assert (feed.counts.kept, feed.counts.lost) == (50, 0)


def test_what_cannot_be_kept_after_a_failure_is_dropped_and_counted():
    feed, results, loader = fail_while_items_wait(JournalError("disk full"))
    assert len([one for one in results if isinstance(one, DropItem)]) == 50
    assert not loader.kept
    assert (feed.counts.kept, feed.counts.lost) == (0, 50)
    assert str(feed.unkept) == "disk full"


def test_rows_that_were_collected_when_the_load_failed_are_kept():
    async def work(feed):
        await feed.put({"id": 0})
        await asyncio.to_thread(loader.fail, LoadError("the table is gone"))
        await feed.close(whole=True)
        return feed.counts

    loader = MemoryLoader()
    counts, _ = run_feed(work, loader=loader)
    assert loader.kept == [{"id": 0}]
    assert counts.kept == 1


def test_rows_that_cannot_be_built_fail_the_feed_instead_of_vanishing(monkeypatch):
    def broken(self):
        msg = "a bug"
        raise AssertionError(msg)

    async def work(feed):
        monkeypatch.setattr(ItemRows, "take", broken)
        await feed.put({"id": 0})
        feed.flush()
        await feed.close(whole=True)
        return feed.error

    error, loader = run_feed(work)
    assert isinstance(error, AssertionError)
    assert loader.failed is error


# ---- pipeline ----


def test_a_crawl_is_loaded_and_counted():
    items = [{"id": n} for n in range(250)]
    crawler, loaders = crawl(spider_of(items), PROPLOAD_TABLE="homes")
    loader = loaders["homes"]
    told = {"name": "given", "table": "homes", "progress": False}
    assert loader.settings == told
    assert [row["id"] for row in loader.rows] == list(range(250))
    stats = crawler.stats.get_stats()
    assert stats["finish_reason"] == "finished"
    assert stats["propload/items"] == stats["propload/rows_read"] == 250
    assert stats["propload/batches"] == 3
    assert stats["propload/rows_rejected"] == 0
    assert crawler.spider is not None


def test_zero_items_load_nothing_and_finish():
    crawler, loaders = crawl(spider_of([]), PROPLOAD_TABLE="homes")
    assert loaders["homes"].closed
    assert crawler.stats.get_value("finish_reason") == "finished"


def test_items_go_to_the_target_of_their_class():
    class Flat(Home1):
        pass

    items = [Home1(1, "a"), Home2(2, "b"), Flat(3, "c"), {"id": 4}]
    targets = {
        "Home1": {"table": "ones", "key": "id"},
        Home2: {"table": "twos"},
    }
    _, loaders = crawl(
        spider_of(items),
        PROPLOAD_TABLE="others",
        PROPLOAD_TARGETS=targets,
        PROPLOAD_MODE="append",
    )
    ids = {name: [row["id"] for row in one.rows] for name, one in loaders.items()}
    assert ids == {"ones": [1, 3], "twos": [2], "others": [4]}
    assert loaders["ones"].settings["mode"] == "append"
    assert loaders["ones"].settings["key"] == "id"


@pytest.mark.parametrize("key", ["id", ["id"]])
def test_classes_of_equal_settings_share_a_load(key):
    targets = {
        "Home1": {"table": "homes", "key": "id", "mode": "replace"},
        "Home2": {"table": "homes", "key": key, "mode": "replace"},
    }
    made = []

    def make(**given):
        made.append(MemoryLoader(**given))
        return made[-1]

    crawler, _ = crawl(
        spider_of([Home1(1, "a"), Home2(2, "b")]),
        PROPLOAD_TARGETS=targets,
        PROPLOAD_LOADER=make,
    )
    [loader] = made
    assert [row["id"] for row in loader.rows] == [1, 2]
    assert crawler.stats.get_value("propload/rows_read") == 2


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_a_replace_erases_no_rows_of_another_load(mode, caplog):
    targets = {
        "Home1": {"table": "homes", "key": "id"},
        "Home2": {"table": "public.homes", "key": "id", "mode": mode},
    }
    crawler, loaders = crawl(spider_of([]), PROPLOAD_TARGETS=targets)
    said = "Home1 and Home2 go to public.homes by different settings"
    assert (said in caplog.text) is (mode == "replace")
    assert (crawler.spider is None) is (mode == "replace")
    assert len(loaders) == (0 if mode == "replace" else 2)


def test_two_loads_into_a_table_that_nobody_names_are_refused(caplog):
    targets = {
        "Home1": {"key": "id", "mode": "replace"},
        "Home2": {"key": "id", "mode": "replace", "on_null": "keep"},
    }
    _, loaders = crawl(spider_of([]), PROPLOAD_TARGETS=targets)
    assert "Home1 and Home2 go to one table by different settings" in caplog.text
    assert loaders == {}


def test_a_table_of_two_spellings_is_one():
    targets = {
        "Home1": {"table": "homes", "key": "id", "mode": "replace"},
        "Home2": {"table": "public.homes", "key": "id", "mode": "replace"},
    }
    _, loaders = crawl(
        spider_of([Home1(1, "a"), Home2(2, "b")]), PROPLOAD_TARGETS=targets
    )
    [loader] = loaders.values()
    assert [row["id"] for row in loader.rows] == [1, 2]


def test_each_load_that_fails_is_an_error(caplog):
    def make(table, **_settings):
        made = MemoryLoader()
        made.failed = LoadError(f"{table} is full")
        made.try_put = lambda _batch: True
        return made

    targets = {"Home1": {"table": "ones"}, "Home2": {"table": "twos"}}
    items = [Home1(1, "a"), Home2(2, "b")]
    crawl(spider_of(items), PROPLOAD_TARGETS=targets, PROPLOAD_LOADER=make)
    errors = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert [line for line in errors if "ones is full" in line]
    assert [line for line in errors if "twos is full" in line]


def test_a_class_without_a_target_is_passed_on_and_said(caplog):
    items = [Home1(1, "a"), {"id": 4}, {"id": 5}]
    crawler, loaders = crawl(
        spider_of(items), PROPLOAD_TARGETS={"Home1": {"table": "ones"}}
    )
    assert set(loaders) == {"ones"}
    assert crawler.stats.get_value("propload/items_without_target") == 2
    assert crawler.stats.get_value("item_scraped_count") == 3
    assert sum("items of dict are not loaded" in line for line in caplog.messages) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PROPLOAD_TABEL": "x"}, "did you mean 'PROPLOAD_TABLE'"),
        ({"PROPLOAD_FLUSH_ROWS": "many"}, "PROPLOAD_FLUSH_ROWS"),
        ({"PROPLOAD_FLUSH_ROWS": 0}, "1 or more"),
        ({"PROPLOAD_TARGETS": {"Home1": {"tabel": "x"}}}, "did you mean 'table'"),
        ({"PROPLOAD_TARGETS": "homes"}, "PROPLOAD_TARGETS is not a dict"),
        ({"PROPLOAD_TARGETS": {"Home1": "homes"}}, "PROPLOAD_TARGETS is not a dict"),
        ({"PROPLOAD_LOADER": "no.such.Loader"}, "No module named"),
    ],
)
def test_a_wrong_setting_ends_the_crawl_before_it_begins(settings, message, caplog):
    started = []

    class Spider(spider_of([])):
        async def start(self):
            started.append(1)
            yield {"id": 1}

    crawler, _ = crawl(Spider, **settings)
    assert crawler.stats.get_value("finish_reason") == "propload_failed"
    assert crawler.spider is None
    assert not started
    assert message in caplog.text


def test_a_load_that_fails_at_the_end_is_not_a_crawl_that_finished(caplog):
    def make(**_settings):
        made = MemoryLoader()
        made.failed = LoadError("disk full")
        made.try_put = lambda _batch: True
        return made

    crawler, _ = crawl(spider_of([{"id": 1}]), PROPLOAD_LOADER=make)
    assert crawler.stats.get_value("finish_reason") == "propload_failed"
    assert crawler.spider is None
    assert "disk full" in caplog.text


def test_a_crawl_says_how_many_items_a_failure_cost(caplog):
    def make(**_settings):
        made = MemoryLoader()
        made.failed = LoadError("the table is gone")
        made.disk_error = JournalError("disk full")
        return made

    crawler, _ = crawl(spider_of([{"id": 1}]), PROPLOAD_LOADER=make)
    said = "1 item is lost, neither in the table nor in the journal (disk full)"
    assert said in caplog.text
    assert crawler.stats.get_value("propload/lost") == 1


def test_a_failure_ends_a_crawl_that_waits_for_something_else():
    made = MemoryLoader()

    class Spider(scrapy.Spider):
        name = "waits"

        async def start(self):
            yield {"id": 1}
            # nothing follows: only the failure itself can end this crawl
            threading.Thread(target=made.fail, args=(LoadError("gone"),)).start()
            await asyncio.Event().wait()

    crawler, _ = crawl(Spider, PROPLOAD_LOADER=lambda **_: made)
    assert crawler.stats.get_value("finish_reason") == "propload_failed"
    assert crawler.spider is None


def test_the_addon_adds_the_pipeline_once():
    addon = {"propload.sources.spiders.PropLoadAddon": 500}
    for pipelines in ({}, {SINK: 300}, {PropLoadPipeline: 300}):
        _, loaders = crawl(
            spider_of([{"id": 1}]),
            PROPLOAD_TABLE="homes",
            ITEM_PIPELINES=pipelines,
            ADDONS=addon,
        )
        assert loaders["homes"].rows == [{"id": 1}]
    assert PropLoadAddon is not None


class FullSink:
    """A sink whose room a test gives."""

    takes_items = True

    def __init__(self):
        self.asked = asyncio.Event()
        self.given = asyncio.Event()

    async def room(self):
        self.asked.set()
        await self.given.wait()

    def get_item_pipeline(self, _kind):
        return self


def test_start_waits_for_room_in_the_sink():
    async def start():
        yield 1

    async def work():
        sink = FullSink()
        paced = Pace.from_crawler(sink).process_start(start())
        first = asyncio.ensure_future(anext(paced))
        await sink.asked.wait()
        assert not first.done()
        sink.given.set()
        assert await first == 1

    asyncio.run(work())


def test_an_item_that_comes_when_the_crawl_has_ended_is_told(caplog):
    crawler, loaders = crawl(spider_of([{"id": 1}]), PROPLOAD_TABLE="homes")
    sink = crawler.get_item_pipeline(PropLoadPipeline)
    assert not sink.takes_items
    for _ in range(2):
        with pytest.raises(DropItem):
            asyncio.run(sink.process_item({"id": 2}))
    assert loaders["homes"].rows == [{"id": 1}]
    assert crawler.stats.get_value("propload/late") == 2
    told = [line for line in caplog.messages if "start() still gives" in line]
    assert len(told) == 1


def test_start_ends_when_the_sink_takes_no_more():
    async def start():
        yield 1
        pytest.fail("it was asked for more")

    async def work():
        sink = FullSink()
        sink.given.set()
        sink.takes_items = False
        paced = Pace.from_crawler(sink).process_start(start())
        return [one async for one in paced]

    assert asyncio.run(work()) == []


def test_the_addon_adds_what_paces_and_what_watches():
    for own in ({}, {Pace: 7}):
        crawler, loaders = crawl(
            spider_of([{"id": 1}]),
            ADDONS={PropLoadAddon: 500},
            ITEM_PIPELINES={},
            SPIDER_MIDDLEWARES=own,
            PROPLOAD_TABLE="homes",
        )
        assert loaders["homes"].rows == [{"id": 1}]
        assert crawler.get_spider_middleware(Pace) is not None
        assert crawler.get_downloader_middleware(Watch) is not None


# ---- a spider as a source ----


def read(source):
    return [row for batch in source for row in batch.rows.to_pylist()]


def test_a_spider_is_a_source_again_and_again():
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
def test_what_is_not_read_makes_the_crawl_wait(monkeypatch, batches, nbytes):
    given, waits = [], threading.Event()
    room = Feed._room

    def noted(feed):
        waits.set()
        return room(feed)

    monkeypatch.setattr(Feed, "_room", noted)
    monkeypatch.setattr(crawl_module, "BATCHES_WAITING", batches)
    monkeypatch.setattr(crawl_module, "BYTES_WAITING", nbytes)

    class Spider(scrapy.Spider):
        name = "eager"
        custom_settings: ClassVar = {"PROPLOAD_FLUSH_ROWS": 1, "CONCURRENT_ITEMS": 1}

        async def start(self):
            yield scrapy.Request("data:text/html,x")

        def parse(self, response):
            for number in range(100):
                given.append(number)
                yield {"id": number}

    rows = iter(SpiderSource(Spider))
    first = next(rows)
    assert waits.wait(10)
    # one is read, the queue is full, and Scrapy holds a few on their way
    assert len(given) < 30
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


def test_a_source_that_was_stopped_before_it_began_gives_nothing():
    source = SpiderSource(Endless)
    source.stop()
    assert read(source) == []
    assert source.outcome.finish_reason == "shutdown"


def test_closing_the_iterator_ends_the_crawl():
    Endless.closed_with = None
    rows = iter(SpiderSource(Endless))
    next(rows)
    rows.close()
    assert Endless.closed_with is not None
    assert not [t for t in threading.enumerate() if t.name.startswith("propload-crawl")]


def test_an_exception_in_the_loop_ends_the_crawl():
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


def test_a_spider_that_raises_in_every_callback_is_an_error():
    source = SpiderSource(Failing)
    with pytest.raises(SourceError, match="KeyError at data:text/html,0"):
        read(source)
    assert source.outcome.errors == 3
    assert any("3 exceptions" in note for note in source.notes)


def test_a_spider_that_raises_once_is_loaded_and_said():
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


def test_what_a_users_pipelines_cost_stands_in_the_notes():
    spider = spider_of([{"id": number} for number in range(100)])
    source = SpiderSource(spider, settings={"ITEM_PIPELINES": {Cleaner: 300}})
    assert len(read(source)) == 25
    outcome = source.outcome
    assert (outcome.items, outcome.item_errors, outcome.dropped_items) == (25, 50, 25)
    said = "an item pipeline raised on 50 items: rows may be missing"
    assert said == source.incomplete
    notes = source.notes
    assert said in notes
    assert "an item pipeline dropped 25 items" in notes
    assert "an item pipeline raised ValueError: my own mistake" in notes
    # a reason is said once
    assert notes.count("an item pipeline dropped an item: too cheap") == 1


def test_a_spider_that_raises_in_start_hands_over_and_fails():
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


def test_a_crawl_of_zero_pages_is_an_error_that_says_so():
    with pytest.raises(SourceError, match="no items from 0 pages"):
        read(SpiderSource(Failing, {"pages": "0"}))


def test_a_page_of_300_items_passes():
    class Page(Failing):
        pages = 1

        def parse(self, response):
            for number in range(300):
                yield {"id": number}

    assert len(read(SpiderSource(Page))) == 300


def test_a_crawl_that_ends_as_blocked_is_blocked():
    class Blocked(Failing):
        def parse(self, response):
            yield {"id": 1}
            reason = "blocked"
            raise CloseSpider(reason)

    rows = iter(SpiderSource(Blocked, {"pages": "1"}))
    assert next(rows).rows.num_rows == 1
    with pytest.raises(BlockedError, match="refused by the site"):
        next(rows)


def test_what_a_spider_says_is_missing_stands_in_the_notes():
    class Says(Failing):
        def parse(self, response):
            self.crawler.stats.set_value("crawl/missing", ["page 7 did not come"])
            return {"id": 1}

    source = SpiderSource(Says)
    read(source)
    assert "page 7 did not come" in source.notes


def test_a_spider_that_refuses_its_arguments_says_what_it_said():
    class Strict(scrapy.Spider):
        name = "strict"

        def __init__(self, name=None, **given):
            super().__init__(name)
            if given:
                msg = f"no argument {next(iter(given))}"
                raise ConfigError(msg)

    with pytest.raises(ConfigError, match="no argument plaats"):
        read(SpiderSource(Strict, {"plaats": "delft"}))


def test_a_spider_whose_class_fails_is_a_source_error():
    class Broken(scrapy.Spider):
        name = "broken"

        def __init__(self, name=None, **_given):
            msg = "no disk"
            raise OSError(msg)

    with pytest.raises(SourceError, match="OSError: no disk") as caught:
        read(SpiderSource(Broken))
    assert isinstance(caught.value.__cause__, OSError)


def test_a_crawl_leaves_logging_and_stdout_alone(capsys):
    handlers = list(logging.root.handlers), list(logging.getLogger("scrapy").handlers)
    read(SpiderSource(spider_of([{"id": 1}])))
    after = list(logging.root.handlers), list(logging.getLogger("scrapy").handlers)
    assert after == handlers
    assert capsys.readouterr() == ("", "")


# ---- finding ----


def test_a_spider_is_found_by_its_registered_name():
    pytest.importorskip("propload_spiders")
    names = {entry.name for entry in list_spiders()}
    if "funda" not in names:
        pytest.skip("propload is not installed, so nothing is registered")
    assert find_spider("funda").name == "funda"


def test_a_spider_is_found_by_module_and_class(tmp_path, monkeypatch):
    (tmp_path / "given_spider_module.py").write_text(
        "import scrapy\nclass Mine(scrapy.Spider):\n    name = 'mine'\nnumber = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    assert find_spider("given_spider_module:Mine").name == "mine"
    with pytest.raises(ConfigError, match="is not a spider"):
        find_spider("given_spider_module:number")


@pytest.mark.parametrize("name", ["nobody", "no_such_module:Spider", "json:Spider"])
def test_a_spider_that_is_not_there_is_a_config_error(name):
    with pytest.raises(ConfigError, match=name.partition(":")[0]):
        SpiderSource(name)


# ---- outcome ----


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (CrawlOutcome("s", "finished", pages=1, items=1), None),
        (CrawlOutcome("s", "shutdown"), None),
        (CrawlOutcome("s", "finished"), SourceError),
        (CrawlOutcome("s", "start_error", items=5), SourceError),
        (CrawlOutcome("s", "blocked", items=5), BlockedError),
        (CrawlOutcome("s", "robots"), BlockedError),
        (CrawlOutcome("s", "finished", robots_forbidden=2), BlockedError),
        (CrawlOutcome("s", "finished", pages=2, statuses={403: 2}), BlockedError),
        (CrawlOutcome("s", "finished", pages=2, statuses={404: 2}), SourceError),
        (
            CrawlOutcome("s", "finished", pages=2, items=1, statuses={200: 1, 403: 1}),
            None,
        ),
    ],
)
def test_an_outcome_raises_what_it_means(outcome, error):
    if error is None:
        outcome.raise_for_failure()
        return
    with pytest.raises(SourceError) as caught:
        outcome.raise_for_failure()
    assert type(caught.value) is error
