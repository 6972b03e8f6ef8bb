"""Addresses that a site redirects: to a captcha, its front page, another listing."""

from __future__ import annotations

import contextlib

import pytest
import scrapy

from propload.errors import BlockedError, SourceError
from propload.sources.spiders import SpiderSource
from propload_spiders.demo.answering import Answer
from propload_spiders.demo.server import Server

pytestmark = pytest.mark.timeout(60)

NUMBERS = range(1, 5)


def listing(number):
    return f"/detail/koop/delft/huis-kade-{number}/4123456{number}/"


def card(number):
    return (
        f'<div class="@container"><a data-testid="listingDetailsAddress" '
        f'href="{listing(number)}"><div>Kade {number}</div><div>2611 DX Delft</div>'
        f"</a><p>€ {number}00.000 k.k.</p></div>"
    )


SEARCH = (
    f'<h1 data-testid="pageHeader">4 koopwoningen</h1>{"".join(map(card, NUMBERS))}'
).encode()


def detail(number):
    row = f"<dl><dt>Vraagprijs</dt><dd>€ {number}05.000 kosten koper</dd></dl>"
    return Answer("detail", row.encode())


@contextlib.contextmanager
def site(redirects):
    """Serve a search of four listings; addresses in `redirects` lead elsewhere."""
    pages = {listing(number): detail(number) for number in (*NUMBERS, 9)}
    pages |= {
        path: Answer("moved", b"", 302, location=to) for path, to in redirects.items()
    }

    def answer(path):
        plain = path.partition("?")[0]
        if plain in pages:
            return pages[plain]
        if plain.startswith("/zoeken/"):
            return Answer("search", SEARCH)
        is_known = plain in ("/", "/captcha")
        return Answer("page", b"<p>Hi</p>", 200 if is_known else 404)

    server = Server(answer, lambda _: None, port=0)
    try:
        yield f"http://127.0.0.1:{server.start()}"
    finally:
        server.stop()


def read(source):
    return [row for batch in source for row in batch.rows.to_pylist()]


def crawl(url, **arguments):
    return SpiderSource("funda", {"base_url": url, **(arguments or {"place": "delft"})})


def by_id(rows):
    return {row["listing_id"][-1]: row for row in rows}


def test_redirect_to_a_captcha_is_a_block():
    with site({listing(n): "/captcha?back=1" for n in NUMBERS}) as url:
        source, rows = crawl(url), []
        with pytest.raises(BlockedError, match="Wait before the next crawl"):
            rows.extend(row for b in source for row in b.rows.to_pylist())
    assert source.outcome.finish_reason == "blocked"
    assert {row["page"] for row in rows} == {"search"}
    assert len(rows) == len(NUMBERS)


def test_error_advises_on_a_block_even_if_pages_are_missing():
    redirects = {listing(n): "/" for n in NUMBERS} | {"/last/": "/captcha"}
    with site(redirects) as url:
        urls = [url + path for path in redirects]
        source = SpiderSource(
            "funda",
            {"start_urls": urls, "base_url": url},
            {"CONCURRENT_REQUESTS": 1, "CONCURRENT_REQUESTS_PER_DOMAIN": 1},
        )
        with pytest.raises(BlockedError, match="Wait before the next crawl"):
            read(source)


def test_listings_redirected_to_one_page_are_loaded_from_their_search():
    with site({listing(n): "/" for n in (2, 3, 4)}) as url:
        source = crawl(url)
        found = by_id(read(source))
    pages = {number: row["page"] for number, row in found.items()}
    assert pages == {"1": "detail", "2": "search", "3": "search", "4": "search"}
    assert source.outcome.incomplete.count(f"it leads to {url}/") == 3


def test_addresses_redirected_to_one_page_are_each_reported():
    with site({listing(n): "/" for n in (2, 3, 4)}) as url:
        source = crawl(url, start_urls=[url + listing(n) for n in NUMBERS])
        assert set(by_id(read(source))) == {"1"}
    for number in (2, 3, 4):
        assert any(url + listing(number) in one for one in source.outcome.missing)


def test_listing_redirected_to_another_keeps_its_own_texts():
    with site({listing(2): listing(9)}) as url:
        source = crawl(url)
        found = by_id(read(source))
    assert found["2"]["price_text"] == "€ 200.000 k.k."
    assert found["2"]["address_text"] == "Kade 2"
    assert found["9"]["price_text"] == "€ 905.000 kosten koper"
    assert found["9"]["address_text"] is None
    assert f"{listing(2)} is missing: it leads to {url}{listing(9)}" in (
        source.outcome.incomplete
    )


def test_address_redirected_to_another_listing_is_noted_not_missing():
    with site({listing(2): listing(9)}) as url:
        source = crawl(url, start_urls=[url + listing(2)])
        assert set(by_id(read(source))) == {"9"}
    assert source.outcome.incomplete == ""
    (note,) = source.outcome.spider_notes
    assert note.startswith(f"{url}{listing(2)} leads to {url}{listing(9)}")


def test_listing_redirected_to_a_missing_sold_page_is_not_withdrawn():
    sold = listing(2).replace("/koop/", "/koop/verkocht/")
    with site({listing(2): sold, listing(3): "/nowhere"}) as url:
        source = crawl(url, start_urls=[url + listing(2), url + listing(3)])
        found = by_id(read(source))
    assert found["2"]["status_text"] is None
    assert found["3"]["status_text"] == "withdrawn"


def test_search_redirected_elsewhere_is_requested_once():
    with site({"/zoeken/koop": "/"}) as url:
        source = crawl(url, place="delft,breda")
        with pytest.raises(SourceError, match="gave no items from 1 page") as caught:
            read(source)
    assert str(caught.value).count(f"leads to {url}/") == 2


def test_listing_in_a_redirect_loop_is_loaded_from_its_search():
    redirects = {listing(2): "/round", "/round": listing(2)}
    with site(redirects) as url:
        source = crawl(url)
        found = by_id(read(source))
    assert found["2"]["page"] == "search"
    assert source.outcome.lost_pages == 1
    assert "max redirections reached" in source.outcome.incomplete
    assert "robots.txt" not in source.outcome.incomplete


def test_address_in_a_redirect_loop_is_reported_as_missing():
    redirects = {listing(2): listing(2)}
    with site(redirects) as url:
        source = crawl(url, start_urls=[url + listing(1), url + listing(2)])
        assert set(by_id(read(source))) == {"1"}
    (missing,) = source.outcome.missing
    assert missing.startswith(f"{url}{listing(2)} is missing: it leads back to")
    assert source.outcome.lost_pages == 1


@pytest.mark.parametrize("dont_filter", [False, True])
def test_redirect_loop_in_a_users_spider_is_reported_as_missing(dont_filter):
    class Own(scrapy.Spider):
        name = "own"

        async def start(self):
            for path in ("/there", "/captcha"):
                yield scrapy.Request(self.base_url + path, dont_filter=dont_filter)

        def parse(self, response):
            yield {"id": response.url}

    with site({"/there": "/back", "/back": "/there"}) as url:
        haste = {"DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False}
        source = SpiderSource(Own, {"base_url": url}, haste)
        assert [row["id"] for row in read(source)] == [f"{url}/captcha"]
    assert "1 page could not be fetched" in source.outcome.incomplete
    assert any("is missing: it redirects" in note for note in source.outcome.notes)
