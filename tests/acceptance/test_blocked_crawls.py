"""What is still requested from a site that has refused a crawl."""

from __future__ import annotations

import contextlib
from typing import ClassVar

import pytest
import scrapy
from scrapy.exceptions import CloseSpider

from propload.errors import BlockedError
from propload.sources.spiders import SpiderSource
from propload_spiders.demo.answering import Answer
from propload_spiders.demo.server import Server

pytestmark = pytest.mark.timeout(60)

#: A pace at which requests wait for their turn; the first is sent at once.
SLOWLY = {
    "AUTOTHROTTLE_ENABLED": False,
    "DOWNLOAD_DELAY": 2.0,
    "CONCURRENT_REQUESTS": 16,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
}
NUMBERS = range(1, 9)
SEARCH = (
    '<h1 data-testid="pageHeader">8 koopwoningen</h1>'
    + "".join(
        '<div class="@container"><a data-testid="listingDetailsAddress" '
        f'href="/detail/koop/delft/huis-kade-{number}/4123456{number}/">'
        f"<div>Kade {number}</div><div>2611 DX Delft</div></a></div>"
        for number in NUMBERS
    )
).encode()


@contextlib.contextmanager
def site(refused):
    """Serve a search whose listings are refused, and record each refusal's path."""

    def answer(path):
        if path == "/robots.txt":
            return Answer("robots", b"")
        if path.startswith("/zoeken/"):
            return Answer("search", SEARCH)
        refused.append(path)
        return Answer("blocked", b"no", 403)

    server = Server(answer, lambda _: None, port=0)
    try:
        yield f"http://127.0.0.1:{server.start()}"
    finally:
        server.stop()


def crawl_refused(spider, settings, **spider_arguments):
    rows, refused = [], []
    with site(refused) as url:
        arguments = {"base_url": url, **spider_arguments}
        source = SpiderSource(spider, arguments, {**SLOWLY, **settings})
        with pytest.raises(BlockedError):
            rows.extend(row for each in source for row in each.rows.to_pylist())
    assert source.outcome.finish_reason == "blocked"
    return rows, refused


@pytest.mark.parametrize("has_job_folder", [False, True])
def test_nothing_more_is_requested_from_a_site_that_refuses(tmp_path, has_job_folder):
    settings = {"JOBDIR": str(tmp_path)} if has_job_folder else {}
    rows, refused = crawl_refused("funda", settings, place="delft")
    assert len(refused) == 1
    # each listing once, including those whose pages were not requested yet
    ids = sorted(row["listing_id"] for row in rows)
    assert ids == [f"4123456{number}" for number in NUMBERS]


class Own(scrapy.Spider):
    """A user's own spider, which reports a block as the documentation says."""

    name = "own"
    handle_httpstatus_list: ClassVar = [403]

    async def start(self):
        for number in NUMBERS:
            yield scrapy.Request(f"{self.base_url}/{number}")

    def parse(self, response):
        raise CloseSpider("blocked")


def test_blocked_spider_of_a_user_requests_nothing_more():
    rows, refused = crawl_refused(Own, {})
    assert (rows, len(refused)) == ([], 1)
