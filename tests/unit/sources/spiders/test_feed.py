"""Rows on their way to a loader that may be full, or fail."""

import asyncio
import threading

import pytest
from scrapy.exceptions import DropItem

from propload.errors import (
    JournalError,
    LoadError,
)
from propload.sources.spiders.feed import Feed
from propload.sources.spiders.loop import CrawlLoop
from propload.sources.spiders.rows import FlushOptions, ItemRows
from tests.unit.sources.spiders.crawling import MemoryLoader

pytestmark = pytest.mark.timeout(30)


def run_feed(work, *, loader=None, flush=None):
    """Run `work(feed)` in its own event loop; return its result and the loader."""
    loader, flush = loader or MemoryLoader(), flush or FlushOptions()

    async def main():
        rows = ItemRows("s", flush)
        feed = Feed(loader, rows, flush, CrawlLoop(), on_failed=lambda _error: None)
        try:
            return await work(feed)
        finally:
            # no warning at exit about the feeds that tests leave open
            feed._unclosed.detach()

    return asyncio.run(main()), loader


def broken_take(_rows):
    msg = "a bug"
    raise AssertionError(msg)


def test_batch_is_handed_over_when_it_has_enough_rows():
    async def work(feed):
        for number in range(250):
            await feed.put({"id": number})
        return [batch.rows.num_rows for batch in loader.batches]

    loader = MemoryLoader()
    before_close, _ = run_feed(work, loader=loader, flush=FlushOptions(seconds=60))
    assert before_close == [100, 100]


def test_item_is_handed_over_before_put_returns():
    async def work(feed):
        for number in range(3):
            await feed.put({"id": number})
            seen.append([row["id"] for row in loader.rows])

    seen = []
    loader = MemoryLoader()
    run_feed(work, loader=loader, flush=FlushOptions(seconds=0))
    assert seen == [[0], [0, 1], [0, 1, 2]]


def test_items_of_one_loop_iteration_share_a_batch():
    async def work(feed):
        await asyncio.gather(*(feed.put({"id": n}) for n in range(30)))
        return [batch.rows.num_rows for batch in loader.batches], feed.counts

    loader = MemoryLoader()
    (batches, counts), _ = run_feed(work, loader=loader, flush=FlushOptions(seconds=0))
    assert batches == [30]
    # waiting to be handed over is not counted as waiting for room
    assert counts.waits == 0


def test_batch_is_handed_over_when_it_has_enough_bytes():
    async def work(feed):
        for number in range(4):
            await feed.put({"text": str(number) * 600})

    _, loader = run_feed(work, flush=FlushOptions(bytes=1000, seconds=60))
    assert [batch.rows.num_rows for batch in loader.batches] == [2, 2]


def test_item_is_handed_over_by_a_timer():
    async def work(feed):
        await feed.put({"id": 1})
        assert not loader.batches
        await asyncio.to_thread(loader.got_one.wait, 10)

    loader = MemoryLoader()
    run_feed(work, loader=loader, flush=FlushOptions(seconds=0.01))
    assert loader.rows == [{"id": 1}]


def test_close_hands_over_remaining_rows_and_returns_the_report():
    async def work(feed):
        await feed.put({"id": 1})
        return await feed.close(whole=True)

    report, loader = run_feed(work, flush=FlushOptions(seconds=60))
    assert loader.closed
    assert report.counts.read == 1


def test_put_waits_for_a_full_loader_without_blocking_the_loop():
    async def work(feed):
        await feed.put({"id": 0})
        waiting = asyncio.ensure_future(feed.put({"id": 1}))
        # this line runs in the loop, so the loop is not blocked
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


def test_many_concurrent_items_keep_their_order_through_a_full_loader():
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
    """Fail with 1 batch accepted, 49 items that wait and 1 item that comes later."""

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


def test_failure_wakes_waiting_items_and_later_items_are_kept():
    feed, results, loader = fail_while_items_wait()
    assert not [one for one in results if isinstance(one, Exception)]
    assert [row["id"] for row in loader.rows] == [0]
    assert [row["id"] for row in loader.kept] == list(range(1, 51))
    assert (feed.counts.kept, feed.counts.lost) == (50, 0)


def test_items_that_cannot_be_kept_after_a_failure_are_lost_and_counted():
    feed, results, loader = fail_while_items_wait(JournalError("disk full"))
    assert len([one for one in results if isinstance(one, DropItem)]) == 50
    assert not loader.kept
    assert (feed.counts.kept, feed.counts.lost) == (0, 50)
    assert str(feed.storage_error) == "disk full"


def test_rows_collected_when_the_load_failed_are_kept():
    async def work(feed):
        await feed.put({"id": 0})
        await asyncio.to_thread(loader.fail, LoadError("the table is gone"))
        await feed.close(whole=True)
        return feed.counts

    loader = MemoryLoader()
    counts, _ = run_feed(work, loader=loader, flush=FlushOptions(seconds=60))
    assert loader.kept == [{"id": 0}]
    assert counts.kept == 1


def test_error_while_building_a_batch_fails_the_feed(monkeypatch):
    async def work(feed):
        monkeypatch.setattr(ItemRows, "take", broken_take)
        await feed.put({"id": 0})
        feed.flush()
        await feed.close(whole=True)
        return feed.error

    error, loader = run_feed(work, flush=FlushOptions(seconds=60))
    assert isinstance(error, AssertionError)
    assert loader.failed is error


def test_item_whose_batch_cannot_be_built_is_dropped(monkeypatch):
    async def work(feed):
        monkeypatch.setattr(ItemRows, "take", broken_take)
        with pytest.raises(DropItem):
            await feed.put({"id": 0})
        return feed.counts

    counts, _ = run_feed(work, flush=FlushOptions(seconds=0))
    assert counts.lost == 1


async def collect_and_end(feed):
    """Leave a feed unclosed, like a program that exits at once."""
    for number in range(3):
        await feed.put({"id": number})
    feed._unclosed()


def test_collected_rows_are_handed_over_at_exit(caplog):
    _, loader = run_feed(collect_and_end, flush=FlushOptions(seconds=60))
    assert [row["id"] for row in loader.rows] == [0, 1, 2]
    assert "3 items were still collected: all are handed over now" in caplog.text


def test_collected_rows_are_kept_at_exit_if_the_load_failed(caplog):
    loader = MemoryLoader()
    loader.failed = LoadError("gone")
    run_feed(collect_and_end, loader=loader, flush=FlushOptions(seconds=60))
    assert [row["id"] for row in loader.kept] == [0, 1, 2]
    assert "all are handed over now" in caplog.text


@pytest.mark.parametrize("reason", ["no room", "disk is full", "a bug"])
def test_rows_lost_at_exit_are_logged(reason, caplog, monkeypatch):
    loader = MemoryLoader(room=0 if reason == "no room" else 1)
    if reason == "disk is full":
        loader.failed, loader.disk_error = LoadError("gone"), JournalError(reason)
    if reason == "a bug":
        monkeypatch.setattr(ItemRows, "take", broken_take)
    run_feed(collect_and_end, loader=loader, flush=FlushOptions(seconds=60))
    assert "3 of them are lost" in caplog.text
    assert reason in caplog.text


def test_nothing_is_logged_at_exit_after_close(caplog):
    async def work(feed):
        await feed.put({"id": 1})
        await feed.close(whole=True)
        feed._unclosed()

    run_feed(work, flush=FlushOptions(seconds=60))
    assert "ended immediately" not in caplog.text


def test_loader_that_does_not_outlive_the_program_gets_nothing_at_exit(caplog):
    loader = MemoryLoader()
    loader.outlives_program = False
    run_feed(collect_and_end, loader=loader, flush=FlushOptions(seconds=60))
    assert (loader.rows, caplog.text) == ([], "")
