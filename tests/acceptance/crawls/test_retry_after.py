"""A site says when it may be requested again: in its responses or its robots.txt."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import scrapy

from propload.errors import BlockedError
from propload.sources.spiders import SpiderSource, site_pace
from tests.acceptance.crawls.timed_site import SiteResponse, timed_site

pytestmark = pytest.mark.timeout(60)

#: One request after the other, with no waits but those that the site asks for: without
#: any delay Scrapy sends all queued requests at once.
AT_ONCE = {
    "DOWNLOAD_DELAY": 0.01,
    "AUTOTHROTTLE_ENABLED": False,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
}
#: A host that is never contacted: its pages come from the test's site, as its proxy.
ELSEWHERE = "http://homes.example"


class Paths(scrapy.Spider):
    """Requests paths of a site, all of them at once."""

    name = "paths"

    async def start(self):
        for path in self.paths.split():
            yield scrapy.Request(self.base_url + path)

    def parse(self, response):
        yield {"url": response.url}


def source_of(url, *paths, **settings):
    arguments = {"base_url": url, "paths": " ".join(paths)}
    return SpiderSource(Paths, arguments, {**AT_ONCE, **settings})


def urls_of(source):
    return sorted(row["url"] for batch in source for row in batch.rows.to_pylist())


def busy(retry_after, status=429):
    return SiteResponse(status, "busy", {"Retry-After": retry_after})


def http_date_in(**time):
    return format_datetime(datetime.now(UTC) + timedelta(**time), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_nothing_is_requested_until_retry_after_is_over(status, as_date):
    # a date has no fractions of a second
    retry_after = http_date_in(seconds=2) if as_date else "1"
    with timed_site(
        a=[busy(retry_after, status), SiteResponse()], robots=[SiteResponse(404)]
    ) as site:
        source = source_of(site.url, "/a", "/b", "/c")
        assert len(urls_of(source)) == 3
        assert site.paths().count("/a") == 2
        first = site.paths().index("/a")
        # not only the refused page: nothing at all is requested
        assert site.gaps()[first] > 0.9
    assert source.outcome.finish_reason == "finished"
    assert source.incomplete == ""
    assert any("1 time" in note and "Retry-After" in note for note in source.notes)


def test_retry_after_over_the_longest_wait_counts_as_blocked():
    with timed_site(a=[busy("3600")], robots=[SiteResponse(404)]) as site:
        source = source_of(site.url, "/a", "/b", "/c")
        with pytest.raises(BlockedError) as caught:
            urls_of(source)
        assert site.paths() == ["/robots.txt", "/a"]
    assert source.outcome.finish_reason == "blocked"
    message = str(caught.value)
    assert f"{site.url}/a asks to wait 3,600 s (HTTP 429, Retry-After)" in message
    assert "PROPLOAD_LONGEST_WAIT (300 s)" in message


def test_consecutive_waits_are_added_up():
    waits = {"PROPLOAD_LONGEST_WAIT": 1.5, "RETRY_TIMES": 10}
    with timed_site(a=[busy("1")], robots=[SiteResponse(404)]) as site:
        with pytest.raises(BlockedError):
            urls_of(source_of(site.url, "/a", **waits))
        assert site.paths().count("/a") == 2


def test_response_between_two_waits_resets_their_sum():
    waits = {"PROPLOAD_LONGEST_WAIT": 1.5}
    once = [busy("1"), SiteResponse()]
    with timed_site(a=once, c=once, robots=[SiteResponse(404)]) as site:
        assert len(urls_of(source_of(site.url, "/a", "/b", "/c", **waits))) == 3
        assert site.paths()[1:4] == ["/a", "/b", "/c"]


@pytest.mark.parametrize("retry_after", ["0", "-5", "soon", "", http_date_in(days=-1)])
def test_zero_past_or_invalid_retry_after_is_retried_as_usual(retry_after):
    with timed_site(
        a=[busy(retry_after), SiteResponse()], robots=[SiteResponse(404)]
    ) as site:
        assert len(urls_of(source_of(site.url, "/a"))) == 1
        assert max(site.gaps()) < 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
def test_waits_grow_until_blocked_if_429_has_no_valid_retry_after(monkeypatch, headers):
    monkeypatch.setattr(site_pace, "_FIRST_WAIT", 0.2)
    paths = [f"/{number}" for number in range(30)]
    answers = {path: [SiteResponse(429, "busy", headers)] for path in paths}
    with timed_site(**answers, robots=[SiteResponse(404)]) as site:
        monkeypatch.setenv("http_proxy", site.url)
        source = source_of(ELSEWHERE, *paths, PROPLOAD_LONGEST_WAIT=1.5)
        with pytest.raises(BlockedError, match="without a Retry-After") as caught:
            urls_of(source)
        # after 0.2, 0.2 and 0.4 s; another 0.8 s would exceed the longest wait
        assert len(site.paths("homes.example")) == 1 + 4
        gaps = site.gaps("homes.example")[1:]
    assert "1.6 s in a row" in str(caught.value)
    assert all(gap > least for gap, least in zip(gaps, (0.2, 0.2, 0.4), strict=True))


def test_site_that_sometimes_answers_429_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr(site_pace, "_FIRST_WAIT", 0.3)
    once = [SiteResponse(429, "busy"), SiteResponse()]
    with timed_site(a=once, c=once, robots=[SiteResponse(404)]) as site:
        monkeypatch.setenv("http_proxy", site.url)
        waits = {"PROPLOAD_LONGEST_WAIT": 0.4}
        source = source_of(ELSEWHERE, "/a", "/b", "/c", **waits)
        assert len(urls_of(source)) == 3
        assert max(site.gaps("homes.example")) > 0.3
    assert any("HTTP 429): 2 times" in note for note in source.notes)


def test_crawl_blocked_by_an_hours_retry_after_keeps_seen_listings():
    numbers = range(1, 5)
    cards = "".join(
        '<div class="@container"><a data-testid="listingDetailsAddress" '
        f'href="/detail/koop/delft/huis-kade-{number}/4123456{number}/">'
        f"<div>Kade {number}</div><div>2611 DX Delft</div></a></div>"
        for number in numbers
    )
    search = SiteResponse(
        body=f'<h1 data-testid="pageHeader">4 koopwoningen</h1>{cards}'
    )
    details = {
        f"detail_koop_delft_huis-kade-{number}_4123456{number}_": [busy("3600", 503)]
        for number in numbers
    }
    with timed_site(zoeken_koop=[search], **details) as site:
        arguments = {"place": "delft", "base_url": site.url}
        source, rows = SpiderSource("funda", arguments, AT_ONCE), []
        with pytest.raises(BlockedError, match="Retry-After"):
            rows.extend(row for each in source for row in each.rows.to_pylist())
        requested = [path for path in site.paths() if path.startswith("/detail/")]
        assert len(requested) == 1
    ids = sorted(row["listing_id"] for row in rows)
    assert ids == [f"4123456{number}" for number in numbers]


class LogWatcher(logging.Handler):
    """Sets an event when a text is logged."""

    def __init__(self, text):
        super().__init__()
        self.text, self.event = text, threading.Event()

    def emit(self, record):
        if self.text in record.getMessage():
            self.event.set()


def test_crawl_that_waits_can_be_stopped_at_once():
    watcher = LogWatcher("asks to wait 200 s")
    pace_log = logging.getLogger("propload.sources.spiders.site_pace")
    pace_log.addHandler(watcher)
    with timed_site(b=[busy("200")], robots=[SiteResponse(404)]) as site:
        source = source_of(site.url, "/a", "/b", "/c")
        rows = iter(source)
        assert next(rows).rows.num_rows == 1
        assert watcher.event.wait(30)
        source.stop()
        # waiting for the site would take longer than this test may
        assert list(rows) == []
        assert site.paths() == ["/robots.txt", "/a", "/b"]
    pace_log.removeHandler(watcher)
    assert source.outcome.finish_reason == "shutdown"


def robots(*lines):
    return [SiteResponse(body="\n".join(["User-agent: *", *lines]))]


@pytest.mark.parametrize(
    "line", ["Crawl-delay: 1", "Request-rate: 2/2"], ids=lambda line: line[:5]
)
@pytest.mark.parametrize("autothrottle", [False, True])
def test_pages_are_requested_no_faster_than_robots_txt_asks(
    monkeypatch, line, autothrottle
):
    with timed_site(robots=robots(line)) as site:
        monkeypatch.setenv("http_proxy", site.url)
        quick = {
            "DOWNLOAD_DELAY": 0.1,
            "AUTOTHROTTLE_ENABLED": autothrottle,
            "AUTOTHROTTLE_START_DELAY": 0.1,
        }
        source = source_of(ELSEWHERE, "/a", "/b", "/c", **quick)
        assert len(urls_of(source)) == 3
        # the first gap follows robots.txt itself, whose rules were not known before
        assert min(site.gaps("homes.example")[1:]) > 0.9


def test_configured_delay_holds_if_robots_txt_asks_for_less(monkeypatch):
    with timed_site(robots=robots("Crawl-delay: 0.1")) as site:
        monkeypatch.setenv("http_proxy", site.url)
        slow = {"DOWNLOAD_DELAY": 1, "DOWNLOAD_DELAY_JITTER": 0}
        assert len(urls_of(source_of(ELSEWHERE, "/a", "/b", **slow))) == 2
        assert min(site.gaps("homes.example")) > 0.9


def test_crawl_delay_of_a_site_on_this_machine_is_ignored():
    with timed_site(robots=robots("Crawl-delay: 30")) as site:
        assert len(urls_of(source_of(site.url, "/a", "/b", "/c"))) == 3
        assert max(site.gaps()) < 5


def test_crawl_delay_over_the_longest_wait_counts_as_blocked(monkeypatch):
    with timed_site(robots=robots("Crawl-delay: 86400")) as site:
        monkeypatch.setenv("http_proxy", site.url)
        source = source_of(ELSEWHERE, "/a", "/b")
        with pytest.raises(BlockedError, match="86,400 s between two pages"):
            urls_of(source)
        assert site.paths("homes.example") == ["/robots.txt"]
