"""A site lacks, refuses or stops: what was seen is kept, what is missing said."""

from __future__ import annotations

import re

import pytest

from propload_spiders.demo import DemoSite, Traps
from tests.acceptance.crawls.timed_site import SiteResponse, timed_site
from tests.acceptance.spiders.reading import LISTINGS, crawl, open_ids


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
        # no address of an object in the process
        assert "0x" not in " ".join(read.missing)


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


def test_nothing_is_asked_of_a_site_whose_rules_nobody_knows():
    with timed_site(robots=[SiteResponse(503)]) as site:
        read = crawl(
            place="delft,breda", base_url=site.url, settings={"RETRY_TIMES": 0}
        )
        assert site.paths() == ["/robots.txt"]
        assert len(read.missing) == 2
        assert "cannot be read (HTTP 503)" in read.missing[0]
