"""Spiders as sources, over real HTTP."""

import logging
from typing import ClassVar

import pytest
import scrapy

from propload.errors import BlockedError, SourceError
from propload.sources.spiders import SpiderSource

pytestmark = pytest.mark.timeout(90)


class Paths(scrapy.Spider):
    name = "paths"
    custom_settings: ClassVar = {
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "RETRY_TIMES": 1,
    }

    async def start(self):
        for path in self.paths.split():
            yield scrapy.Request(self.site + path)

    def parse(self, response):
        yield {"url": response.url}


def source_of(site, *paths, **settings):
    return SpiderSource(Paths, {"site": site.url, "paths": " ".join(paths)}, settings)


def rows_of(source):
    return [row for batch in source for row in batch.rows.to_pylist()]


def test_site_can_be_read_twice_in_one_process_without_output(site, caplog, capfd):
    for _ in range(2):
        source = source_of(site, *(f"/page/{n}" for n in range(20)))
        assert len(rows_of(source)) == 20
        assert source.outcome.pages == 20
        assert source.outcome.statuses == {200: 20}
    loud = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert loud == []
    assert capfd.readouterr() == ("", "")


def test_missing_pages_are_counted_and_named(site):
    source = source_of(site, "/page/1", "/status/500", "/status/404")
    assert len(rows_of(source)) == 1
    assert (source.outcome.lost_pages, source.outcome.gone_pages) == (1, 1)
    assert any("/status/500 is missing: HTTP 500" in note for note in source.notes)


def test_site_that_is_down_is_a_source_error(site):
    url = site.url
    site.shutdown()
    site.server_close()
    with pytest.raises(SourceError, match="no items from 0 pages") as caught:
        rows_of(SpiderSource(Paths, {"site": url, "paths": "/page/1"}))
    assert "/page/1 is missing" in str(caught.value)


def test_robots_txt_that_forbids_every_page_is_a_block(site):
    site.robots = "User-agent: *\nDisallow: /"
    source = source_of(site, "/page/1", "/page/2")
    with pytest.raises(BlockedError, match=r"robots\.txt forbids 2 pages"):
        rows_of(source)
    assert source.outcome.robots_forbidden == 2
    assert site.served == ["/robots.txt"]


def test_site_that_refuses_every_page_is_a_block(site):
    with pytest.raises(BlockedError, match="HTTP 403"):
        rows_of(source_of(site, "/status/403"))


def test_stop_discards_queued_requests(site):
    pages = [f"/page/{number}" for number in range(50)]
    source = source_of(site, *pages, DOWNLOAD_DELAY=60, ROBOTSTXT_OBEY=False)
    rows = iter(source)
    assert next(rows).rows.num_rows == 1
    source.stop()
    assert list(rows) == []
    assert source.outcome.finish_reason == "shutdown"
    assert len(site.served) < 5


@pytest.mark.parametrize("path", ["/large", "/packed"])
def test_response_that_is_too_large_counts_as_a_missing_page(path, site):
    source = source_of(site, "/page/1", path, DOWNLOAD_MAXSIZE=50_000)
    assert len(rows_of(source)) == 1
    assert source.outcome.lost_pages == 1
    message = f"{path} is missing: it is larger than DOWNLOAD_MAXSIZE allows"
    assert any(message in note for note in source.notes)


def test_an_answer_that_cannot_be_unpacked_is_a_missing_page(site):
    source = source_of(site, "/page/1", "/broken")
    assert len(rows_of(source)) == 1
    assert source.outcome.lost_pages == 1
    assert any("/broken is missing: BadGzipFile: " in note for note in source.notes)
