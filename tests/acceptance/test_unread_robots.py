"""Crawls of a site whose robots.txt cannot be read."""

from __future__ import annotations

import contextlib

import pytest
import scrapy

from propload.errors import PropLoadError, SourceError
from propload.sources.spiders import SpiderSource
from propload_spiders.demo.answering import Answer
from propload_spiders.demo.server import Server
from propload_spiders.spiders.funda import FundaSpider

pytestmark = pytest.mark.timeout(60)

HASTE = {"AUTOTHROTTLE_ENABLED": False, "DOWNLOAD_DELAY": 0, "RETRY_TIMES": 0}


class Own(scrapy.Spider):
    """Requests two pages at once, so that both wait for robots.txt."""

    name = "own"

    async def start(self):
        yield {"id": "/0"}
        for number in (1, 2):
            yield scrapy.Request(f"{self.base_url}/{number}")

    def parse(self, response):
        yield {"id": f"/{response.url[-1]}"}


@contextlib.contextmanager
def site(robots, requested):
    """Serve pages and this robots.txt, and record which pages are requested."""

    def answer(path):
        if path == "/robots.txt":
            return robots
        requested.append(path)
        return Answer("page", b"<p>Hi</p>")

    server = Server(answer, lambda _: None, port=0)
    try:
        yield f"http://127.0.0.1:{server.start()}"
    finally:
        server.stop()


def read(source):
    return sorted(row["id"] for each in source for row in each.rows.to_pylist())


@pytest.mark.parametrize(
    ("robots", "reason"),
    [
        (Answer("robots", b"", 500), "HTTP 500"),
        (Answer("robots", b"", 503), "HTTP 503"),
        (Answer("robots", b"", 429), "HTTP 429"),
        (Answer("robots", fault="reset"), "Error"),
    ],
    ids=["500", "503", "429", "reset"],
)
def test_nothing_is_requested_if_robots_txt_cannot_be_read(robots, reason):
    requested = []
    with site(robots, requested) as url:
        source = SpiderSource(Own, {"base_url": url}, HASTE)
        assert read(source) == ["/0"]
    assert requested == []
    assert source.outcome.lost_pages == 2
    assert "2 pages could not be fetched" in source.incomplete
    notes = " ".join(source.notes)
    assert "cannot be read" in notes
    assert reason in notes
    assert "crawl again later" in notes


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_site_without_robots_txt_is_crawled(status):
    requested = []
    with site(Answer("robots", b"", status), requested) as url:
        source = SpiderSource(Own, {"base_url": url}, HASTE)
        assert read(source) == ["/0", "/1", "/2"]
    assert source.incomplete == ""


def test_crawl_that_does_not_obey_robots_txt_need_not_read_it():
    requested = []
    with site(Answer("robots", b"", 503), requested) as url:
        settings = {**HASTE, "ROBOTSTXT_OBEY": False}
        assert read(SpiderSource(Own, {"base_url": url}, settings)) == [
            "/0",
            "/1",
            "/2",
        ]


def test_unreadable_robots_txt_is_not_reported_as_forbidding():
    with site(Answer("robots", b"", 503), []) as url:
        arguments = {"place": "delft", "base_url": url}
        with pytest.raises(
            PropLoadError, match=r"cannot be read \(HTTP 503\)"
        ) as caught:
            read(SpiderSource(FundaSpider, arguments, HASTE))
    assert type(caught.value) is SourceError
    assert "forbids" not in str(caught.value)
