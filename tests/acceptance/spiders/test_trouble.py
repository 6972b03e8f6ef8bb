"""A site lacks pages, refuses or stops: what was seen is kept, the rest reported."""

from __future__ import annotations

import re

import pytest

from propload_spiders.demo import DemoSite, Traps
from tests.acceptance.crawls.timed_site import SiteResponse, timed_site
from tests.acceptance.spiders.reading import LISTINGS, crawl, open_ids


def test_search_pages_without_their_payload_are_noted():
    with DemoSite(listings=LISTINGS, traps=Traps(without_payload=1.0)) as site:
        result = crawl(place="duinhaven", details="off", base_url=site.url)
        (note,) = result.notes
        pages = result.count("search_pages")
        assert note.startswith(f"{pages} search pages came without the data")


def test_listings_hidden_by_shifting_search_pages_are_noted():
    with DemoSite(listings=LISTINGS, traps=Traps(drop_every=1)) as site:
        result = crawl(place=site.places[0], details="off", base_url=site.url)
        (note,) = result.notes
        named, held = map(int, re.findall(r"named (\d+) .* held (\d+)", note)[0])
        assert held == len(result.ids) == len(site.served.listings)
        assert named > held
        assert result.missing == []


def test_page_without_cards_is_retried_then_skipped_and_reported():
    with DemoSite(listings=LISTINGS, traps=Traps(empty_pages=(2,))) as site:
        result = crawl(place="duinhaven", details="off", base_url=site.url)
        assert result.ids == site.served.listings
        assert result.count("search_pages_without_cards") == 1
        assert "page 2 of the search duinhaven" in result.missing[0]
        assert result.count("search_pages") > 2


def test_listing_whose_page_is_gone_is_withdrawn():
    with DemoSite(listings=40, traps=Traps(gone=1.0)) as site:
        result = crawl(place="duinhaven", base_url=site.url)
        assert result.ids == site.served.listings == site.served.gone
        assert {(item.page, item.status_text) for item in result.items} == {
            ("gone", "withdrawn")
        }
        assert all(item.price_text for item in result.items)


@pytest.mark.parametrize("status", [200, 403, 429])
def test_block_ends_the_crawl_and_keeps_the_listings_seen(status):
    traps = Traps(block_after=10, block_status=status)
    with DemoSite(listings=LISTINGS, traps=traps) as site:
        result = crawl(place="duinhaven", base_url=site.url)
        assert result.reason == "blocked"
        assert result.ids == site.served.listings
        assert result.items
        assert len(result.missing) == 1
        if status == 403:
            # a refusal is never retried
            assert "retry/count" not in result.stats


def test_block_of_the_first_page_is_not_mistaken_for_no_listings():
    with DemoSite(listings=40, traps=Traps(block_after=0)) as site:
        result = crawl(place="duinhaven", base_url=site.url)
        assert (result.reason, result.items) == ("blocked", [])


@pytest.mark.parametrize("robots", ["details", "nothing"])
def test_crawl_ends_as_robots_if_robots_txt_forbids_every_page(robots):
    with DemoSite(listings=40, traps=Traps(robots=robots)) as site:
        result = crawl(place="duinhaven", base_url=site.url)
        assert (result.reason, result.items) == ("robots", [])
        assert set(site.served.counts) == {"robots"}
        assert "(start_urls=...) or from saved pages" in result.missing[0]
        assert "robots.txt forbids" in result.missing[1]


def test_detail_pages_are_read_if_only_searches_are_forbidden():
    with DemoSite(listings=40, traps=Traps(robots="details")) as site:
        listings = [site.listings[key] for key in sorted(open_ids(site))[:3]]
        urls = [site.url + each.path for each in listings]
        result = crawl(start_urls=" ".join(urls), base_url=site.url)
        assert result.reason == "finished"
        assert {item.url for item in result.items} == set(urls)


def test_site_that_dies_leaves_listings_seen_and_missing_pages_reported():
    with DemoSite(listings=LISTINGS) as site:
        seen = []

        def stop_at_the_thirtieth(item):
            seen.append(item)
            if len(seen) == 30:
                site.stop()

        result = crawl(
            place="duinhaven,waterrecht",
            base_url=site.url,
            on_item=stop_at_the_thirtieth,
            settings={"RETRY_TIMES": 1},
        )
        # a response may be in transit when the site dies: sent, and never read
        assert result.ids <= site.served.listings
        assert len(result.ids) == result.count("listings")
        assert any(item.page == "search" for item in result.items)
        assert result.count("detail_pages_lost") > 0
        assert any("is missing" in sentence for sentence in result.missing)
        # no address of an object in the process
        assert "0x" not in " ".join(result.missing)


def test_stopped_crawl_reports_listings_that_it_did_not_yield(site):
    result = crawl(
        place="duinhaven",
        base_url=site.url,
        settings={"CLOSESPIDER_ITEMCOUNT": 10},
    )
    assert result.reason == "closespider_itemcount"
    left = result.count("listings") - len(result.ids)
    assert left > 0
    assert result.missing[-1].startswith(f"{left} listings were seen")


def test_nothing_is_requested_if_robots_txt_cannot_be_read():
    with timed_site(robots=[SiteResponse(503)]) as site:
        result = crawl(
            place="delft,breda", base_url=site.url, settings={"RETRY_TIMES": 0}
        )
        assert site.paths() == ["/robots.txt"]
        assert len(result.missing) == 2
        assert "cannot be read (HTTP 503)" in result.missing[0]
