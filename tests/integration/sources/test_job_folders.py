"""One folder of a crawl (JOBDIR) serves one crawl at a time."""

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
def _goes_on_until_it_is_read(monkeypatch):
    # of the batches after the first one, one waits, and the others wait for room
    monkeypatch.setattr(crawl, "BATCHES_WAITING", 1)


def test_a_second_crawl_of_a_folder_is_refused_and_takes_no_page(tmp_path):
    folder = tmp_path / "job"
    first = iter(crawl_of(folder))
    came = next(first).rows.to_pylist()
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(LockedError, match=rf"{folder} .*JOBDIR") as caught:
        read(crawl_of(tmp_path / "link"))
    assert caught.value.exit_code == 75
    came += [row for batch in first for row in batch.rows.to_pylist()]
    assert sorted(row["id"] for row in came) == list("01234")


def test_a_crawl_that_has_ended_leaves_its_folder_to_the_next(tmp_path):
    for _ in range(2):
        assert sorted(read(crawl_of(tmp_path))) == list("01234")
    assert not list(tmp_path.glob("propload*"))


def test_a_crawl_that_was_given_up_leaves_its_folder_to_the_next(tmp_path):
    first = iter(crawl_of(tmp_path))
    came = [row["id"] for row in next(first).rows.to_pylist()]
    first.close()
    # what the first one had not asked for, and its own requests once more
    assert set(came + read(crawl_of(tmp_path))) == set("01234")


def test_a_crawl_that_failed_as_it_began_leaves_its_folder_to_the_next(tmp_path):
    class Broken:
        def open_spider(self):
            msg = "no such file"
            raise OSError(msg)

    for _ in range(2):
        with pytest.raises(SourceError, match="no such file"):
            read(crawl_of(tmp_path, ITEM_PIPELINES={Broken: 100}))
