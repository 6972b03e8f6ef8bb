"""A job folder (JOBDIR) is used by one crawl at a time."""

import pytest
import scrapy

from propload.errors import LockedError, SourceError
from propload.sources.spiders import SpiderSource, crawl

pytestmark = pytest.mark.timeout(30)


class Pages(scrapy.Spider):
    name = "pages"

    async def start(self):
        for number in range(5):
            yield scrapy.Request(f"data:,{number}", dont_filter=True)

    def parse(self, response):
        yield {"id": response.text}


def crawl_of(folder, **settings):
    at_once = {"DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False}
    job = {"JOBDIR": str(folder), "PROPLOAD_FLUSH_ROWS": 1}
    return SpiderSource(Pages, settings={**at_once, **job, **settings})


def read(source):
    return [row["id"] for batch in source for row in batch.rows.to_pylist()]


@pytest.fixture(autouse=True)
def _crawl_waits_for_its_reader(monkeypatch):
    # after the first batch one is queued, and the others wait for room
    monkeypatch.setattr(crawl, "BATCHES_WAITING", 1)


def test_second_crawl_of_a_folder_is_refused_and_takes_no_page(tmp_path):
    folder = tmp_path / "job"
    first = iter(crawl_of(folder))
    rows = next(first).rows.to_pylist()
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(LockedError, match=rf"{folder} .*JOBDIR") as caught:
        read(crawl_of(tmp_path / "link"))
    assert caught.value.exit_code == 75
    rows += [row for batch in first for row in batch.rows.to_pylist()]
    assert sorted(row["id"] for row in rows) == list("01234")


def test_next_crawl_may_use_the_folder_of_one_that_has_ended(tmp_path):
    for _ in range(2):
        assert sorted(read(crawl_of(tmp_path))) == list("01234")
    assert not list(tmp_path.glob("propload*"))


def test_next_crawl_continues_in_the_folder_of_one_that_was_closed(tmp_path):
    first = iter(crawl_of(tmp_path))
    ids = [row["id"] for row in next(first).rows.to_pylist()]
    first.close()
    # it sends the requests that the first had not sent, and its own start requests
    assert set(ids + read(crawl_of(tmp_path))) == set("01234")


def test_next_crawl_may_use_the_folder_of_one_that_failed_to_start(tmp_path):
    class Broken:
        def open_spider(self):
            msg = "no such file"
            raise OSError(msg)

    for _ in range(2):
        with pytest.raises(SourceError, match="no such file"):
            read(crawl_of(tmp_path, ITEM_PIPELINES={Broken: 100}))


class Once(Pages):
    async def start(self):
        async for request in super().start():
            yield request.replace(dont_filter=False)


def test_a_crawl_that_continues_another_says_that_it_lacks_its_pages(tmp_path):
    first, second, third = (crawl_of(tmp_path) for _ in range(3))
    second.spider = third.spider = Once
    for source in (first, second):
        assert sorted(read(source)) == list("01234")
        assert source.incomplete == ""
    with pytest.raises(SourceError, match="with JOBDIR also by an earlier crawl"):
        read(third)
    assert third.incomplete.startswith(f"pages that an earlier crawl of {tmp_path} ")
    assert third.incomplete in third.notes
