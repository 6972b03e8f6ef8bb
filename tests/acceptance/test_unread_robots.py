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
    """Asks for two pages at once, so that both wait for robots.txt."""

    name = "own"

    async def start(self):
        yield {"id": "/0"}
        for number in (1, 2):
            yield scrapy.Request(f"{self.base_url}/{number}")

    def parse(self, response):
        yield {"id": f"/{response.url[-1]}"}


@contextlib.contextmanager
def site(robots, asked):
    """Serve pages beside the answer for robots.txt, and note which were asked for."""

    def answer(path):
        if path == "/robots.txt":
            return robots
        asked.append(path)
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
def test_nothing_is_asked_of_a_site_whose_rules_nobody_knows(robots, reason):
    asked = []
    with site(robots, asked) as url:
        source = SpiderSource(Own, {"base_url": url}, HASTE)
        assert read(source) == ["/0"]
    assert asked == []
    assert source.outcome.lost_pages == 2
    assert "2 pages could not be fetched" in source.incomplete
    told = " ".join(source.notes)
    assert "cannot be read" in told
    assert reason in told
    assert "crawl again later" in told


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_site_without_rules_is_asked(status):
    asked = []
    with site(Answer("robots", b"", status), asked) as url:
        source = SpiderSource(Own, {"base_url": url}, HASTE)
        assert read(source) == ["/0", "/1", "/2"]
    assert source.incomplete == ""


def test_who_does_not_obey_need_not_know_the_rules():
    asked = []
    with site(Answer("robots", b"", 503), asked) as url:
        settings = {**HASTE, "ROBOTSTXT_OBEY": False}
        assert read(SpiderSource(Own, {"base_url": url}, settings)) == [
            "/0",
            "/1",
            "/2",
        ]


def test_rules_that_are_not_read_are_none_that_forbid():
    with site(Answer("robots", b"", 503), []) as url:
        place = {"place": "delft", "base_url": url}
        with pytest.raises(
            PropLoadError, match=r"cannot be read \(HTTP 503\)"
        ) as caught:
            read(SpiderSource(FundaSpider, place, HASTE))
    assert type(caught.value) is SourceError
    assert "forbids" not in str(caught.value)
