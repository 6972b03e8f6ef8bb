"""How long a site asks crawlers to wait."""

import pytest
from scrapy.http import Response
from scrapy.robotstxt import ProtegoRobotParser, PythonRobotParser, RobotParser

from propload.sources.spiders.site_waits import crawl_delay, retry_after

SENT = "Sun, 29 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("Sun, 29 Nov 2026 12:02:00 GMT", 120),
        ("Sunday, 29-Nov-26 12:02:00 GMT", 120),
        ("Sun, 29 Nov 2026 13:02:00 +0100", 120),
        ("Sun, 29 Nov 2026 11:59:00 GMT", 0),
        ("", 0),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("\u00b2", 0),
        ("Sun, 99 Nov 99999999999 12:02:00 GMT", 0),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(value, seconds):
    headers = {"Retry-After": value.encode("latin-1"), "Date": SENT}
    for status in (429, 503):
        assert retry_after(Response("http://a", status, headers)) == seconds
    assert retry_after(Response("http://a", 200, headers)) == 0


def test_response_without_retry_after_asks_for_no_wait():
    assert retry_after(Response("http://a", 429)) == 0


@pytest.mark.parametrize("parser", [ProtegoRobotParser, PythonRobotParser])
@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ("User-agent: *\nCrawl-delay: 10", 10),
        ("User-agent: *\nRequest-rate: 1/20", 20),
        ("User-agent: *\nCrawl-delay: 10\nRequest-rate: 4/60", 15),
        ("User-agent: *\nCrawl-delay: 10\nRequest-rate: 1/5", 10),
        ("User-agent: *\nCrawl-delay: 10\nRequest-rate: 0/60", 10),
        ("User-agent: *\nDisallow: /x", 0),
        ("User-agent: *\nCrawl-delay: soon", 0),
        ("User-agent: other\nCrawl-delay: 10", 0),
        ("User-agent: propload\nCrawl-delay: 3\n\nUser-agent: *\nCrawl-delay: 10", 3),
        ("", 0),
    ],
)
def test_slower_of_crawl_delay_and_request_rate_applies(parser, lines, seconds):
    rules = parser(lines.encode(), None)
    assert crawl_delay(rules, "propload/1 (+https://example.org)") == seconds


class OwnParser(RobotParser):
    """A user's parser, which knows only what is allowed."""

    @classmethod
    def from_crawler(cls, crawler, robotstxt_body):
        del crawler, robotstxt_body
        return cls()

    def allowed(self, url, user_agent):
        del url, user_agent
        return True


def test_parser_without_crawl_delay_asks_for_no_wait():
    assert crawl_delay(OwnParser(), "propload") == 0
