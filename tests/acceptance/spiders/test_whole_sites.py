"""What the demo site serves is read to the row, over real HTTP."""

from __future__ import annotations

import pytest

from propload_spiders.demo import ALL_TRAPS, DemoSite
from tests.acceptance.crawling import everywhere, requests_at_once
from tests.acceptance.spiders.reading import (
    LISTINGS,
    crawl,
    open_ids,
    site_answer,
)


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


def test_a_crawl_goes_on_where_its_job_folder_says(tmp_path):
    with DemoSite(listings=LISTINGS) as site:
        asked = {"place": "duinhaven", "base_url": site.url}
        folder = {"JOBDIR": str(tmp_path / "job")}
        first = crawl(settings={**folder, "CLOSESPIDER_ITEMCOUNT": 10}, **asked)
        second = crawl(settings=folder, **asked)
        assert first.ids | second.ids == site.served.listings
        assert second.items


def test_what_the_site_served_can_be_read_over_http(site):
    import json

    crawl(place="kwelderstad-gr", details="off", base_url=site.url)
    shown = json.loads(site_answer(site, "/__served__"))
    assert set(shown["listings"]) == site.served.listings
    assert shown["counts"]["search"] == site.served.counts["search"]
