"""The item pipeline that loads a crawl started by Scrapy."""

import asyncio
import threading

import pytest
import scrapy
from scrapy.exceptions import DropItem
from scrapy.statscollectors import MemoryStatsCollector

from propload.errors import (
    JournalError,
    LoadError,
)
from propload.sources.spiders import (
    Pace,
    PropLoadAddon,
    PropLoadPipeline,
    Watch,
)
from tests.unit.sources.spiders.crawling import (
    SINK,
    Home1,
    Home2,
    MemoryLoader,
    crawl,
    spider_of,
)

pytestmark = pytest.mark.timeout(30)


def test_crawl_is_loaded_and_counted():
    items = [{"id": n} for n in range(250)]
    crawler, loaders = crawl(spider_of(items), PROPLOAD_TABLE="homes")
    loader = loaders["homes"]
    expected = {"name": "given", "table": "homes", "progress": False}
    assert loader.settings == expected
    assert [row["id"] for row in loader.rows] == list(range(250))
    stats = crawler.stats.get_stats()
    assert stats["finish_reason"] == "finished"
    assert stats["propload/items"] == stats["propload/rows_read"] == 250
    assert stats["propload/batches"] == 3
    assert stats["propload/rows_rejected"] == 0
    assert crawler.spider is not None


def test_crawl_without_items_finishes():
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


def test_spider_attributes_are_defaults_for_items_without_target():
    items = [Home1(1, "a"), {"id": 2}]
    spider = spider_of(items, mapping="funda", schema="listing")
    _, loaders = crawl(
        spider,
        PROPLOAD_TABLE="homes",
        PROPLOAD_MAPPING="other",
        PROPLOAD_TARGETS={"Home1": {"table": "ones"}},
    )
    settings = loaders["homes"].settings
    # which of the two wins is decided when the configuration is read
    assert settings["defaults"] == {"mapping": "funda", "schema": "listing"}
    assert settings["mapping"] == "other"
    assert "defaults" not in loaders["ones"].settings


def test_targets_share_a_load_only_if_their_mapping_is_the_same():
    items = [Home1(1, "a"), Home2(2, "b"), {"id": 3}]
    loaders = []

    def make(**settings):
        loaders.append(MemoryLoader(**settings))
        return loaders[-1]

    crawl(
        spider_of(items, mapping="funda"),
        PROPLOAD_TABLE="homes",
        PROPLOAD_TARGETS={"Home1": {}, "Home2": {"mapping": "funda"}},
        PROPLOAD_LOADER=make,
    )
    ids = {
        one.settings.get("mapping"): [row["id"] for row in one.rows] for one in loaders
    }
    assert ids == {None: [1], "funda": [2, 3]}


@pytest.mark.parametrize("key", ["id", ["id"]])
def test_targets_with_equal_settings_share_a_load(key):
    targets = {
        "Home1": {"table": "homes", "key": "id", "mode": "replace"},
        "Home2": {"table": "homes", "key": key, "mode": "replace"},
    }
    loaders = []

    def make(**settings):
        loaders.append(MemoryLoader(**settings))
        return loaders[-1]

    crawler, _ = crawl(
        spider_of([Home1(1, "a"), Home2(2, "b")]),
        PROPLOAD_TARGETS=targets,
        PROPLOAD_LOADER=make,
    )
    [loader] = loaders
    assert [row["id"] for row in loader.rows] == [1, 2]
    assert crawler.stats.get_value("propload/rows_read") == 2


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_replace_into_the_table_of_another_load_is_refused(mode, caplog):
    targets = {
        "Home1": {"table": "homes", "key": "id"},
        "Home2": {"table": "public.homes", "key": "id", "mode": mode},
    }
    crawler, loaders = crawl(spider_of([]), PROPLOAD_TARGETS=targets)
    message = "Home1 and Home2 go to public.homes with different settings"
    assert (message in caplog.text) is (mode == "replace")
    assert (crawler.spider is None) is (mode == "replace")
    assert len(loaders) == (0 if mode == "replace" else 2)


def test_two_replaces_into_the_default_table_are_refused(caplog):
    targets = {
        "Home1": {"key": "id", "mode": "replace"},
        "Home2": {"key": "id", "mode": "replace", "on_null": "keep"},
    }
    _, loaders = crawl(spider_of([]), PROPLOAD_TARGETS=targets)
    assert "Home1 and Home2 go to one table with different settings" in caplog.text
    assert loaders == {}


def test_table_name_with_and_without_schema_is_one_target():
    targets = {
        "Home1": {"table": "homes", "key": "id", "mode": "replace"},
        "Home2": {"table": "public.homes", "key": "id", "mode": "replace"},
    }
    _, loaders = crawl(
        spider_of([Home1(1, "a"), Home2(2, "b")]), PROPLOAD_TARGETS=targets
    )
    [loader] = loaders.values()
    assert [row["id"] for row in loader.rows] == [1, 2]


def test_every_failed_load_is_logged_as_an_error(caplog):
    def make(table, **_settings):
        loader = MemoryLoader()
        loader.failed = LoadError(f"{table} is full")
        loader.try_put = lambda _batch: True
        return loader

    targets = {"Home1": {"table": "ones"}, "Home2": {"table": "twos"}}
    items = [Home1(1, "a"), Home2(2, "b")]
    crawl(spider_of(items), PROPLOAD_TARGETS=targets, PROPLOAD_LOADER=make)
    errors = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert [line for line in errors if "ones is full" in line]
    assert [line for line in errors if "twos is full" in line]


def test_items_without_target_are_passed_on_with_one_warning(caplog):
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
def test_wrong_setting_ends_the_crawl_before_it_begins(settings, message, caplog):
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


def test_crawl_whose_load_fails_at_the_end_is_reported_as_failed(caplog):
    def make(**_settings):
        loader = MemoryLoader()
        loader.failed = LoadError("disk full")
        loader.try_put = lambda _batch: True
        return loader

    crawler, _ = crawl(spider_of([{"id": 1}]), PROPLOAD_LOADER=make)
    assert crawler.stats.get_value("finish_reason") == "propload_failed"
    assert crawler.spider is None
    assert "disk full" in caplog.text


def test_items_lost_by_a_failed_load_are_logged_and_counted(caplog):
    def make(**_settings):
        loader = MemoryLoader()
        loader.failed = LoadError("the table is gone")
        loader.disk_error = JournalError("disk full")
        return loader

    crawler, _ = crawl(spider_of([{"id": 1}]), PROPLOAD_LOADER=make)
    message = "1 item is lost, neither in the table nor in the journal (disk full)"
    assert message in caplog.text
    assert crawler.stats.get_value("propload/lost") == 1


def test_failed_load_ends_a_waiting_crawl():
    loader = MemoryLoader()

    class Spider(scrapy.Spider):
        name = "waits"

        async def start(self):
            yield {"id": 1}
            # no item follows: only the failure itself can end this crawl
            threading.Thread(target=loader.fail, args=(LoadError("gone"),)).start()
            await asyncio.Event().wait()

    crawler, _ = crawl(Spider, PROPLOAD_LOADER=lambda **_: loader)
    assert crawler.stats.get_value("finish_reason") == "propload_failed"
    assert crawler.spider is None


class RaisesOnClose:
    closing = threading.Event()

    def close_spider(self):
        raise OSError

    def process_item(self, item):
        return item


class RaisesWhileSinkCloses(RaisesOnClose):
    async def close_spider(self):
        await asyncio.to_thread(self.closing.wait, 10)
        raise OSError


# Scrapy creates the coroutines of all pipelines before it awaits one
@pytest.mark.filterwarnings("ignore:.*never awaited:RuntimeWarning")
@pytest.mark.parametrize("order", [700, 900])
@pytest.mark.parametrize("other", [RaisesOnClose, RaisesWhileSinkCloses])
def test_error_of_another_pipeline_on_close_loses_no_row(other, order):
    dumped = threading.Event()
    other.closing.clear()

    class Stats(MemoryStatsCollector):
        def close_spider(self, *args, **kwargs):
            dumped.set()
            super().close_spider(*args, **kwargs)

    class Slow(MemoryLoader):
        def close(self, *, whole):
            other.closing.set()
            # the crawl must not end in the meantime
            assert not dumped.wait(0.2)
            return super().close(whole=whole)

    loader = Slow()
    crawler, _ = crawl(
        spider_of([{"id": 1}]),
        ITEM_PIPELINES={SINK: 800, other: order},
        PROPLOAD_LOADER=lambda **_: loader,
        STATS_CLASS=Stats,
    )
    assert loader.rows == [{"id": 1}]
    assert crawler.stats.get_value("propload/rows_inserted") == 1
    assert crawler.stats.get_value("finish_reason") == "finished"


def test_addon_adds_the_pipeline_once():
    addon = {"propload.sources.spiders.PropLoadAddon": 500}
    for pipelines in ({}, {SINK: 300}, {PropLoadPipeline: 300}):
        _, loaders = crawl(
            spider_of([{"id": 1}]),
            PROPLOAD_TABLE="homes",
            ITEM_PIPELINES=pipelines,
            ADDONS=addon,
        )
        assert loaders["homes"].rows == [{"id": 1}]


class FullSink:
    """A sink that is full until the test makes room."""

    takes_items = True

    def __init__(self):
        self.waiting = asyncio.Event()
        self.has_room = asyncio.Event()

    async def room(self):
        self.waiting.set()
        await self.has_room.wait()

    def get_item_pipeline(self, _kind):
        return self


def test_start_waits_for_room_in_the_sink():
    async def start():
        yield 1

    async def work():
        sink = FullSink()
        paced = Pace.from_crawler(sink).process_start(start())
        first = asyncio.ensure_future(anext(paced))
        await sink.waiting.wait()
        assert not first.done()
        sink.has_room.set()
        assert await first == 1

    asyncio.run(work())


def test_late_item_is_dropped_with_one_warning(caplog):
    crawler, loaders = crawl(spider_of([{"id": 1}]), PROPLOAD_TABLE="homes")
    sink = crawler.get_item_pipeline(PropLoadPipeline)
    assert not sink.takes_items
    for _ in range(2):
        with pytest.raises(DropItem):
            asyncio.run(sink.process_item({"id": 2}))
    assert loaders["homes"].rows == [{"id": 1}]
    assert crawler.stats.get_value("propload/late") == 2
    warnings = [line for line in caplog.messages if "start() still gives" in line]
    assert len(warnings) == 1


def test_start_ends_when_the_sink_takes_no_more_items():
    async def start():
        yield 1
        pytest.fail("it was asked for more")

    async def work():
        sink = FullSink()
        sink.has_room.set()
        sink.takes_items = False
        paced = Pace.from_crawler(sink).process_start(start())
        return [one async for one in paced]

    assert asyncio.run(work()) == []


def test_addon_adds_the_pace_and_watch_middlewares():
    for spider_middlewares in ({}, {Pace: 7}):
        crawler, loaders = crawl(
            spider_of([{"id": 1}]),
            ADDONS={PropLoadAddon: 500},
            ITEM_PIPELINES={},
            SPIDER_MIDDLEWARES=spider_middlewares,
            PROPLOAD_TABLE="homes",
        )
        assert loaders["homes"].rows == [{"id": 1}]
        assert crawler.get_spider_middleware(Pace) is not None
        assert crawler.get_downloader_middleware(Watch) is not None
