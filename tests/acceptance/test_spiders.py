"""The spiders over real HTTP against the demo site."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import threading
from dataclasses import dataclass

import pytest
from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler

from propload.errors import ConfigError
from propload_spiders.demo import ALL_TRAPS, DemoSite, Traps
from propload_spiders.spiders.funda import FundaSoldSpider, FundaSpider

#: Longest crawl of these tests, in seconds, on a machine that is busy.
PATIENCE = 120
LISTINGS = 150


@dataclass
class Read:
    items: list
    stats: dict

    @property
    def ids(self):
        return {item.listing_id for item in self.items}

    @property
    def reason(self):
        return self.stats["finish_reason"]

    @property
    def missing(self):
        return self.stats.get("crawl/missing", [])

    @property
    def notes(self):
        return self.stats.get("crawl/notes", [])

    def count(self, name):
        return self.stats.get(f"crawl/{name}", 0)


def crawl(spider=FundaSpider, *, settings=None, on_item=None, **arguments):
    """Crawl in a thread, without a reactor, as a program or a notebook does."""
    items, outcome = [], {}

    def keep(item):
        items.append(item)
        if on_item is not None:
            on_item(item)

    async def run():
        runner = AsyncCrawlerRunner(
            {"TWISTED_REACTOR_ENABLED": False, **(settings or {})}
        )
        crawler = runner.create_crawler(spider)
        crawler.signals.connect(keep, signal=signals.item_scraped)
        await runner.crawl(crawler, **arguments)
        outcome["stats"] = crawler.stats.get_stats()

    def work():
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised in the test
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the crawl hangs"
    if "error" in outcome:
        raise outcome["error"]
    return Read(items, outcome["stats"])


@pytest.fixture(scope="module")
def site():
    with DemoSite(listings=LISTINGS) as one:
        yield one


@pytest.fixture(autouse=True)
def fresh(request):
    if "site" in request.fixturenames:
        request.getfixturevalue("site").set_day(0)


def everywhere(site):
    return ",".join(site.places)


def open_ids(site, offering="buy"):
    return {
        key
        for key, each in site.listings.items()
        if each.home.offering == offering
        and not each.is_closed
        and each.status != "withdrawn"
    }


def requests_at_once(number):
    return {
        "CONCURRENT_REQUESTS": number,
        "CONCURRENT_REQUESTS_PER_DOMAIN": number,
    }


@pytest.mark.parametrize("details", ["on", "off"])
@pytest.mark.parametrize("at_once", [1, 16, 64])
def test_what_is_served_is_read_to_the_row(site, details, at_once):
    read = crawl(
        place=everywhere(site),
        details=details,
        base_url=site.url,
        settings=requests_at_once(at_once),
    )
    assert read.reason == "finished"
    assert read.ids == site.served.listings == open_ids(site)
    assert len(read.items) == len(read.ids)
    assert {item.page for item in read.items} == {
        "detail" if details == "on" else "search"
    }
    assert read.missing == []
    assert read.notes == []


@pytest.mark.parametrize("details", ["on", "off"])
@pytest.mark.parametrize("at_once", [1, 16, 64])
def test_every_trap_at_once_loses_no_row(details, at_once):
    with DemoSite(listings=LISTINGS, traps=ALL_TRAPS) as site:
        read = crawl(
            place=everywhere(site),
            details=details,
            base_url=site.url,
            settings=requests_at_once(at_once),
        )
        served = site.served
        assert read.reason == "finished"
        assert read.ids == served.listings
        assert len(read.items) == len(read.ids)
        if details == "on":
            assert served.counts["failed"] > 0
            whole = {item.listing_id for item in read.items if item.page == "detail"}
            gone = {item.listing_id for item in read.items if item.page == "gone"}
            assert whole == served.details
            assert gone == served.gone


def test_a_site_of_two_thousand_listings():
    with DemoSite(listings=2_000, traps=ALL_TRAPS) as site:
        read = crawl(
            place=everywhere(site),
            details="off",
            base_url=site.url,
            settings=requests_at_once(64),
        )
        assert read.ids == site.served.listings
        # the live set moves: the first ones leave while it is walked
        assert len(read.ids) > 1_900


def test_pages_that_say_less_than_usual_are_said():
    with DemoSite(listings=LISTINGS, traps=Traps(without_payload=1.0)) as site:
        read = crawl(place="duinhaven", details="off", base_url=site.url)
        (note,) = read.notes
        pages = read.count("search_pages")
        assert note.startswith(f"{pages} search pages came without the data")


def test_listings_that_rows_on_the_move_hid_are_said():
    with DemoSite(listings=LISTINGS, traps=Traps(drop_every=1)) as site:
        read = crawl(place=site.places[0], details="off", base_url=site.url)
        (note,) = read.notes
        named, held = map(int, re.findall(r"named (\d+) .* held (\d+)", note)[0])
        assert held == len(read.ids) == len(site.served.listings)
        assert named > held
        assert read.missing == []


def test_the_search_page_fills_what_the_detail_page_hides(site):
    read = crawl(place="duinhaven", base_url=site.url)
    for item in read.items:
        home = site.listings[item.listing_id].home
        assert item.city == "Duinhaven"
        assert item.municipality == "Duinhaven"
        assert item.global_id == str(home.global_id)
        assert item.listed_text
        assert "weken" not in item.listed_text
        if home.listed_hidden:
            assert item.listed_text == home.published_text


def test_days_bring_changes():
    with DemoSite(listings=LISTINGS) as site:
        prices = {}
        for day in (0, 1):
            site.set_day(day)
            read = crawl(place=everywhere(site), details="off", base_url=site.url)
            prices[day] = {item.listing_id: item.price_text for item in read.items}
            assert read.ids == open_ids(site)
        changes = site.changes(1)
        assert changes.new <= prices[1].keys() - prices[0].keys()
        assert not (changes.closed | changes.withdrawn) & prices[1].keys()
        both = prices[0].keys() & prices[1].keys()
        changed = {key for key in both if prices[0][key] != prices[1][key]}
        assert changed == changes.price_changed & both
        assert changed


def test_sold_listings(site):
    read = crawl(FundaSoldSpider, place=everywhere(site), base_url=site.url)
    sold = {key for key, each in site.listings.items() if each.status == "sold"}
    assert read.ids == sold
    for item in read.items:
        assert (item.status_text, bool(item.sold_text)) == ("Verkocht", True)
        assert "/verkocht/" in item.url


def test_rented_homes_and_filters(site):
    read = crawl(
        place="duinhaven",
        offering="rent",
        price="500-1500",
        details="off",
        base_url=site.url,
    )
    wanted = {
        key
        for key in open_ids(site, "rent")
        if 500 <= site.listings[key].price <= 1_500
        and site.listings[key].home.town.slug == "duinhaven"
    }
    assert read.ids == wanted
    assert wanted


def test_most_pages_of_each_place(site):
    read = crawl(
        place="duinhaven,waterrecht", max_pages="1", details="off", base_url=site.url
    )
    assert read.count("search_pages") == 2
    assert len(read.items) == 30


def test_most_pages_of_a_search_that_starts_further_on(site):
    url = f"{site.url}/zoeken/koop?selected_area=%5B%22duinhaven%22%5D&search_result=2"
    read = crawl(start_urls=[url], max_pages=2, details="off", base_url=site.url)
    assert read.count("search_pages") == 2


def test_an_unknown_place_is_said_and_nothing_of_it_is_taken(site):
    read = crawl(place="nergenshuizen,kwelderstad-gr", details="off", base_url=site.url)
    assert {item.city for item in read.items} == {"Kwelderstad"}
    assert read.count("places_unknown") == 1
    assert "nergenshuizen" in read.missing[0]
    assert site.served.counts["elsewhere"] == 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_unknown_place_is_noticed_without_a_payload_too(share):
    traps = Traps(without_payload=share)
    with DemoSite(listings=40, traps=traps) as site:
        read = crawl(place="nergenshuizen", details="off", base_url=site.url)
        assert (read.items, read.count("places_unknown")) == ([], 1)


def test_a_page_without_cards_is_asked_for_again_then_passed_and_said():
    with DemoSite(listings=LISTINGS, traps=Traps(empty_pages=(2,))) as site:
        read = crawl(place="duinhaven", details="off", base_url=site.url)
        assert read.ids == site.served.listings
        assert read.count("search_pages_without_cards") == 1
        assert "page 2 of the search duinhaven" in read.missing[0]
        assert read.count("search_pages") > 2


def test_a_listing_that_is_gone_is_withdrawn():
    with DemoSite(listings=40, traps=Traps(gone=1.0)) as site:
        read = crawl(place="duinhaven", base_url=site.url)
        assert read.ids == site.served.listings == site.served.gone
        assert {(item.page, item.status_text) for item in read.items} == {
            ("gone", "withdrawn")
        }
        assert all(item.price_text for item in read.items)


@pytest.mark.parametrize("status", [200, 403, 429])
def test_a_block_ends_the_crawl_and_keeps_what_was_seen(status):
    traps = Traps(block_after=10, block_status=status)
    with DemoSite(listings=LISTINGS, traps=traps) as site:
        read = crawl(place="duinhaven", base_url=site.url)
        assert read.reason == "blocked"
        assert read.ids == site.served.listings
        assert read.items
        assert len(read.missing) == 1
        if status == 403:
            # a refusal is never tried again
            assert "retry/count" not in read.stats


def test_a_block_of_the_first_page_is_never_read_as_no_listings():
    with DemoSite(listings=40, traps=Traps(block_after=0)) as site:
        read = crawl(place="duinhaven", base_url=site.url)
        assert (read.reason, read.items) == ("blocked", [])


@pytest.mark.parametrize("robots", ["details", "nothing"])
def test_robots_that_forbid_every_page_end_the_crawl_as_such(robots):
    with DemoSite(listings=40, traps=Traps(robots=robots)) as site:
        read = crawl(place="duinhaven", base_url=site.url)
        assert (read.reason, read.items) == ("robots", [])
        assert set(site.served.counts) == {"robots"}
        assert "(start_urls=...) or from saved pages" in read.missing[0]
        assert "robots.txt forbids" in read.missing[1]


def test_detail_pages_may_be_read_where_searches_may_not():
    with DemoSite(listings=40, traps=Traps(robots="details")) as site:
        listings = [site.listings[key] for key in sorted(open_ids(site))[:3]]
        urls = [site.url + each.path for each in listings]
        read = crawl(start_urls=" ".join(urls), base_url=site.url)
        assert read.reason == "finished"
        assert {item.url for item in read.items} == set(urls)


def test_a_search_address_as_a_start(site):
    url = f"{site.url}/zoeken/koop?selected_area=%5B%22duinhaven%22%5D"
    read = crawl(start_urls=[url], details=False, base_url=site.url)
    assert read.ids == {
        key
        for key in open_ids(site)
        if site.listings[key].home.town.slug == "duinhaven"
    }


def test_a_sold_listing_is_found_where_it_moved(site):
    site.set_day(1)
    key = min(site.changes(1).closed)
    old = site.market.on(0)[key].path
    read = crawl(start_urls=site.url + old, base_url=site.url)
    (item,) = read.items
    assert (item.listing_id, item.status_text) == (key, "Verkocht")
    assert item.url == site.url + site.listings[key].path


def test_a_site_that_dies_leaves_what_was_seen_and_says_what_is_missing():
    with DemoSite(listings=LISTINGS) as site:
        seen = []

        def stop_at_the_thirtieth(item):
            seen.append(item)
            if len(seen) == 30:
                site.stop()

        read = crawl(
            place="duinhaven,waterrecht",
            base_url=site.url,
            on_item=stop_at_the_thirtieth,
            settings={"RETRY_TIMES": 1},
        )
        # an answer may be on the wire when the site dies: sent, and never read
        assert read.ids <= site.served.listings
        assert len(read.ids) == read.count("listings")
        assert any(item.page == "search" for item in read.items)
        assert read.count("detail_pages_lost") > 0
        assert any("is missing" in sentence for sentence in read.missing)


def test_a_crawl_that_is_stopped_says_what_it_did_not_hand_over(site):
    read = crawl(
        place="duinhaven",
        base_url=site.url,
        settings={"CLOSESPIDER_ITEMCOUNT": 10},
    )
    assert read.reason == "closespider_itemcount"
    left = read.count("listings") - len(read.ids)
    assert left > 0
    assert read.missing[-1].startswith(f"{left} listings were seen")


def test_places_that_overlap_give_each_listing_once(site):
    read = crawl(
        place="duinhaven,gemeente-duinhaven,duinhaven/havenzicht",
        details="off",
        base_url=site.url,
    )
    assert len(read.items) == len(read.ids)
    assert read.ids == {
        key
        for key in open_ids(site)
        if site.listings[key].home.town.slug == "duinhaven"
    }
    assert read.count("listings_repeated") > len(read.ids)


def test_a_crawl_goes_on_where_its_job_folder_says(tmp_path):
    with DemoSite(listings=LISTINGS) as site:
        asked = {"place": "duinhaven", "base_url": site.url}
        folder = {"JOBDIR": str(tmp_path / "job")}
        first = crawl(settings={**folder, "CLOSESPIDER_ITEMCOUNT": 10}, **asked)
        second = crawl(settings=folder, **asked)
        assert first.ids | second.ids == site.served.listings
        assert second.items


def test_saved_pages_instead_of_the_net(site, tmp_path):
    listing = site.listings[min(open_ids(site))]
    pages = {
        "search.html": "/zoeken/koop?selected_area=%5B%22duinhaven%22%5D",
        "detail.html": listing.path,
    }
    for name, path in pages.items():
        body = site_answer(site, path)
        address = f'<link rel="canonical" href="https://www.funda.nl{path}">'
        (tmp_path / name).write_bytes(
            body.replace(b"<head>", b"<head>" + address.encode())
        )
    packed = gzip.compress((tmp_path / "detail.html").read_bytes())
    (tmp_path / "detail.html").unlink()
    (tmp_path / "detail.html.gz").write_bytes(packed)
    os.utime(tmp_path / "detail.html.gz", (1_750_000_000, 1_750_000_000))
    read = crawl(pages=str(tmp_path))
    details = [item for item in read.items if item.page == "detail"]
    assert [item.listing_id for item in details] == [listing.home.listing_id]
    # when the page was read is when its file was written
    assert details[0].scraped_at == "2025-06-15T15:06:40.000000+00:00"
    assert len([item for item in read.items if item.page == "search"]) >= 14
    assert read.reason == "finished"


def site_answer(site, path):
    import urllib.request

    with urllib.request.urlopen(site.url + path) as answer:  # noqa: S310 - loopback
        return answer.read()


def test_saved_pages_that_are_blocked_or_empty_are_said(tmp_path):
    (tmp_path / "a.html").write_text("<title>Just a moment...</title>")
    read = crawl(pages=str(tmp_path))
    assert (read.reason, read.items) == ("blocked", [])
    (tmp_path / "b.html").write_text("<title>Over ons</title>")
    read = crawl(pages=str(tmp_path))
    assert (read.reason, read.items, len(read.missing)) == ("finished", [], 2)


def spoil(page, ids):
    """Return a page whose listings' ids are no ids any more."""
    for key in ids:
        page = re.sub(rb"(?<!\d)%s(?!\d)" % key.encode(), key.encode() + b"999", page)
    return page


@pytest.mark.parametrize("spoiled", [2, 15])
def test_listings_that_cannot_be_read_are_said(site, tmp_path, spoiled):
    page = site_answer(site, "/zoeken/koop?selected_area=%5B%22duinhaven%22%5D")
    first = tmp_path / "zoeken" / "koop"
    first.parent.mkdir()
    first.write_bytes(page)
    ids = sorted(crawl(start_urls=first.as_uri(), max_pages=1, details="off").ids)
    assert len(ids) == 15
    first.write_bytes(spoil(page, ids[:spoiled]))
    read = crawl(start_urls=first.as_uri(), max_pages=1, details="off")
    assert read.ids == set(ids[spoiled:])
    assert read.count("listings_unread") == spoiled
    said = f"holds {spoiled} listings in a form that cannot be read"
    assert read.missing == [f"page 1 of the search {first.as_uri()} {said}"]
    saved = first.rename(tmp_path / "saved.html")
    read = crawl(pages=str(saved))
    assert read.ids == set(ids[spoiled:])
    assert read.missing == [f"{saved} {said}"]


def test_a_misspelled_argument_fails_before_anything_is_fetched(site):
    with pytest.raises(ConfigError, match="did you mean 'place'"):
        crawl(plaace="duinhaven", base_url=site.url)
    assert site.served.requests == 0


def test_manners_towards_a_site_elsewhere():
    crawler = Crawler(FundaSpider)
    FundaSpider.from_crawler(crawler, place="amsterdam")
    settings = crawler.settings
    assert settings.getbool("ROBOTSTXT_OBEY")
    assert settings["USER_AGENT"].startswith("propload/")
    assert settings.getbool("AUTOTHROTTLE_ENABLED")
    assert settings.getfloat("DOWNLOAD_DELAY") >= 1
    assert settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN") <= 2
    assert not settings.getbool("TELNETCONSOLE_ENABLED")
    assert not settings.getbool("REMOTE_CONTROL_ENABLED")
    assert 403 not in [int(code) for code in settings.getlist("RETRY_HTTP_CODES")]
    near = Crawler(FundaSpider)
    FundaSpider.from_crawler(near, place="a", base_url="http://127.0.0.1:1")
    assert near.settings.getfloat("DOWNLOAD_DELAY") == 0
    assert near.settings.getbool("ROBOTSTXT_OBEY")


def test_what_a_user_sets_wins_over_the_manners():
    crawler = Crawler(FundaSpider, {"DOWNLOAD_DELAY": 7})
    FundaSpider.from_crawler(crawler, place="a", base_url="http://127.0.0.1:1")
    assert crawler.settings.getfloat("DOWNLOAD_DELAY") == 7


def test_what_the_site_served_can_be_read_over_http(site):
    import json

    crawl(place="kwelderstad-gr", details="off", base_url=site.url)
    shown = json.loads(site_answer(site, "/__served__"))
    assert set(shown["listings"]) == site.served.listings
    assert shown["counts"]["search"] == site.served.counts["search"]
