"""A site says when it may be asked again: in its answers, in its robots.txt."""

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

#: One after the other, with no wait but those that the site asks for: without any
#: delay Scrapy sends what waits in its queue at once.
AT_ONCE = {
    "DOWNLOAD_DELAY": 0.01,
    "AUTOTHROTTLE_ENABLED": False,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
}
#: A host that no test asks: its pages come from the site, which is its proxy.
ELSEWHERE = "http://homes.example"


class Paths(scrapy.Spider):
    """Asks for paths of a site, all of them at once."""

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


def busy(told, status=429):
    return SiteResponse(status, "busy", {"Retry-After": told})


def after(**time):
    return format_datetime(datetime.now(UTC) + timedelta(**time), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_a_site_is_left_alone_as_long_as_it_says(status, as_date):
    # a date has no fractions of a second
    told = after(seconds=2) if as_date else "1"
    with timed_site(
        a=[busy(told, status), SiteResponse()], robots=[SiteResponse(404)]
    ) as site:
        source = source_of(site.url, "/a", "/b", "/c")
        assert len(urls_of(source)) == 3
        assert site.paths().count("/a") == 2
        first = site.paths().index("/a")
        # not the refused page alone: nothing at all is asked for
        assert site.gaps()[first] > 0.9
    assert source.outcome.finish_reason == "finished"
    assert source.incomplete == ""
    assert any("1 time" in note and "Retry-After" in note for note in source.notes)


def test_who_is_asked_to_wait_longer_than_is_waited_for_is_refused():
    with timed_site(a=[busy("3600")], robots=[SiteResponse(404)]) as site:
        source = source_of(site.url, "/a", "/b", "/c")
        with pytest.raises(BlockedError) as caught:
            urls_of(source)
        assert site.paths() == ["/robots.txt", "/a"]
    assert source.outcome.finish_reason == "blocked"
    said = str(caught.value)
    assert f"{site.url}/a asks to wait 3,600 s (HTTP 429, Retry-After)" in said
    assert "PROPLOAD_LONGEST_WAIT (300 s)" in said


def test_waits_in_a_row_are_added_up():
    waits = {"PROPLOAD_LONGEST_WAIT": 1.5, "RETRY_TIMES": 10}
    with timed_site(a=[busy("1")], robots=[SiteResponse(404)]) as site:
        with pytest.raises(BlockedError):
            urls_of(source_of(site.url, "/a", **waits))
        assert site.paths().count("/a") == 2


def test_an_answer_between_them_begins_anew():
    waits = {"PROPLOAD_LONGEST_WAIT": 1.5}
    once = [busy("1"), SiteResponse()]
    with timed_site(a=once, c=once, robots=[SiteResponse(404)]) as site:
        assert len(urls_of(source_of(site.url, "/a", "/b", "/c", **waits))) == 3
        assert site.paths()[1:4] == ["/a", "/b", "/c"]


@pytest.mark.parametrize("told", ["0", "-5", "soon", "", after(days=-1)])
def test_no_wait_and_what_is_none_are_tried_as_ever(told):
    with timed_site(a=[busy(told), SiteResponse()], robots=[SiteResponse(404)]) as site:
        assert len(urls_of(source_of(site.url, "/a"))) == 1
        assert max(site.gaps()) < 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
def test_a_site_that_says_only_too_much_is_asked_ever_more_seldom(monkeypatch, headers):
    monkeypatch.setattr(site_pace, "_FIRST_WAIT", 0.2)
    paths = [f"/{number}" for number in range(30)]
    answers = {path: [SiteResponse(429, "busy", headers)] for path in paths}
    with timed_site(**answers, robots=[SiteResponse(404)]) as site:
        monkeypatch.setenv("http_proxy", site.url)
        source = source_of(ELSEWHERE, *paths, PROPLOAD_LONGEST_WAIT=1.5)
        with pytest.raises(BlockedError, match="without a Retry-After") as caught:
            urls_of(source)
        # after 0.2, 0.2, 0.4 s; as long again would be too long
        assert len(site.paths("homes.example")) == 1 + 4
        gaps = site.gaps("homes.example")[1:]
    assert "1.6 s in a row" in str(caught.value)
    assert all(gap > least for gap, least in zip(gaps, (0.2, 0.2, 0.4), strict=True))


def test_a_site_that_once_said_too_much_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr(site_pace, "_FIRST_WAIT", 0.3)
    once = [SiteResponse(429, "busy"), SiteResponse()]
    with timed_site(a=once, c=once, robots=[SiteResponse(404)]) as site:
        monkeypatch.setenv("http_proxy", site.url)
        waits = {"PROPLOAD_LONGEST_WAIT": 0.4}
        source = source_of(ELSEWHERE, "/a", "/b", "/c", **waits)
        assert len(urls_of(source)) == 3
        assert max(site.gaps("homes.example")) > 0.3
    assert any("HTTP 429): 2 times" in note for note in source.notes)


def test_a_listing_site_that_asks_for_an_hour_ends_the_crawl_and_keeps_what_was_seen():
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
        told = {"place": "delft", "base_url": site.url}
        source, rows = SpiderSource("funda", told, AT_ONCE), []
        with pytest.raises(BlockedError, match="Retry-After"):
            rows.extend(row for each in source for row in each.rows.to_pylist())
        asked = [path for path in site.paths() if path.startswith("/detail/")]
        assert len(asked) == 1
    ids = sorted(row["listing_id"] for row in rows)
    assert ids == [f"4123456{number}" for number in numbers]


class Heard(logging.Handler):
    """Tells when a text is logged."""

    def __init__(self, text):
        super().__init__()
        self.text, self.event = text, threading.Event()

    def emit(self, record):
        if self.text in record.getMessage():
            self.event.set()


def test_a_crawl_that_waits_is_stopped_at_once():
    heard = Heard("asks to wait 200 s")
    pace_log = logging.getLogger("propload.sources.spiders.site_pace")
    pace_log.addHandler(heard)
    with timed_site(b=[busy("200")], robots=[SiteResponse(404)]) as site:
        source = source_of(site.url, "/a", "/b", "/c")
        rows = iter(source)
        assert next(rows).rows.num_rows == 1
        assert heard.event.wait(30)
        source.stop()
        # longer than this test may take, if the site were waited for
        assert list(rows) == []
        assert site.paths() == ["/robots.txt", "/a", "/b"]
    pace_log.removeHandler(heard)
    assert source.outcome.finish_reason == "shutdown"


def robots(*lines):
    return [SiteResponse(body="\n".join(["User-agent: *", *lines]))]


@pytest.mark.parametrize(
    "line", ["Crawl-delay: 1", "Request-rate: 2/2"], ids=lambda line: line[:5]
)
@pytest.mark.parametrize("adapts", [False, True])
def test_pages_come_no_faster_than_robots_txt_asks(monkeypatch, line, adapts):
    with timed_site(robots=robots(line)) as site:
        monkeypatch.setenv("http_proxy", site.url)
        quick = {
            "DOWNLOAD_DELAY": 0.1,
            "AUTOTHROTTLE_ENABLED": adapts,
            "AUTOTHROTTLE_START_DELAY": 0.1,
        }
        source = source_of(ELSEWHERE, "/a", "/b", "/c", **quick)
        assert len(urls_of(source)) == 3
        # the rules themselves came before they could be kept
        assert min(site.gaps("homes.example")[1:]) > 0.9


def test_a_delay_that_was_set_holds_where_robots_txt_asks_for_less(monkeypatch):
    with timed_site(robots=robots("Crawl-delay: 0.1")) as site:
        monkeypatch.setenv("http_proxy", site.url)
        slow = {"DOWNLOAD_DELAY": 1, "DOWNLOAD_DELAY_JITTER": 0}
        assert len(urls_of(source_of(ELSEWHERE, "/a", "/b", **slow))) == 2
        assert min(site.gaps("homes.example")) > 0.9


def test_a_site_on_this_machine_is_not_waited_for():
    with timed_site(robots=robots("Crawl-delay: 30")) as site:
        assert len(urls_of(source_of(site.url, "/a", "/b", "/c"))) == 3
        assert max(site.gaps()) < 5


def test_a_crawl_delay_that_is_longer_than_is_waited_for_is_a_refusal(monkeypatch):
    with timed_site(robots=robots("Crawl-delay: 86400")) as site:
        monkeypatch.setenv("http_proxy", site.url)
        source = source_of(ELSEWHERE, "/a", "/b")
        with pytest.raises(BlockedError, match="86,400 s between two pages"):
            urls_of(source)
        assert site.paths("homes.example") == ["/robots.txt"]
