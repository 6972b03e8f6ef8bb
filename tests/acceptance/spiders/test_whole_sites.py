"""All that the demo site serves is read, listing by listing, over real HTTP."""

from __future__ import annotations

import pytest

from propload_spiders.demo import ALL_TRAPS, DemoSite
from tests.acceptance.crawling import all_places, requests_at_once
from tests.acceptance.spiders.reading import (
    LISTINGS,
    crawl,
    open_ids,
    site_answer,
)


@pytest.mark.parametrize("details", ["on", "off"])
@pytest.mark.parametrize("at_once", [1, 16, 64])
def test_every_served_listing_is_read_exactly_once(site, details, at_once):
    result = crawl(
        place=all_places(site),
        details=details,
        base_url=site.url,
        settings=requests_at_once(at_once),
    )
    assert result.reason == "finished"
    assert result.ids == site.served.listings == open_ids(site)
    assert len(result.items) == len(result.ids)
    assert {item.page for item in result.items} == {
        "detail" if details == "on" else "search"
    }
    assert result.missing == []
    assert result.notes == []


@pytest.mark.parametrize("details", ["on", "off"])
@pytest.mark.parametrize("at_once", [1, 16, 64])
def test_all_traps_together_lose_no_listing(details, at_once):
    with DemoSite(listings=LISTINGS, traps=ALL_TRAPS) as site:
        result = crawl(
            place=all_places(site),
            details=details,
            base_url=site.url,
            settings=requests_at_once(at_once),
        )
        served = site.served
        assert result.reason == "finished"
        assert result.ids == served.listings
        assert len(result.items) == len(result.ids)
        if details == "on":
            assert served.counts["failed"] > 0
            read_details = {
                item.listing_id for item in result.items if item.page == "detail"
            }
            found_gone = {
                item.listing_id for item in result.items if item.page == "gone"
            }
            assert read_details == served.details
            assert found_gone == served.gone


def test_every_served_listing_of_a_site_of_two_thousand_is_read():
    with DemoSite(listings=2_000, traps=ALL_TRAPS) as site:
        result = crawl(
            place=all_places(site),
            details="off",
            base_url=site.url,
            settings=requests_at_once(64),
        )
        assert result.ids == site.served.listings
        # listings change during the crawl: the first ones disappear before its end
        assert len(result.ids) > 1_900


def test_search_page_supplies_what_the_detail_page_lacks(site):
    result = crawl(place="duinhaven", base_url=site.url)
    for item in result.items:
        home = site.listings[item.listing_id].home
        assert item.city == "Duinhaven"
        assert item.municipality == "Duinhaven"
        assert item.global_id == str(home.global_id)
        assert item.listed_text
        assert "weken" not in item.listed_text
        if home.listed_hidden:
            assert item.listed_text == home.published_text


def test_crawls_of_two_days_show_the_changes_between_them():
    with DemoSite(listings=LISTINGS) as site:
        prices = {}
        for day in (0, 1):
            site.set_day(day)
            result = crawl(place=all_places(site), details="off", base_url=site.url)
            prices[day] = {item.listing_id: item.price_text for item in result.items}
            assert result.ids == open_ids(site)
        changes = site.changes(1)
        assert changes.new <= prices[1].keys() - prices[0].keys()
        assert not (changes.closed | changes.withdrawn) & prices[1].keys()
        both = prices[0].keys() & prices[1].keys()
        changed = {key for key in both if prices[0][key] != prices[1][key]}
        assert changed == changes.price_changed & both
        assert changed


def test_crawl_continues_from_its_job_folder(tmp_path):
    with DemoSite(listings=LISTINGS) as site:
        arguments = {"place": "duinhaven", "base_url": site.url}
        folder = {"JOBDIR": str(tmp_path / "job")}
        first = crawl(settings={**folder, "CLOSESPIDER_ITEMCOUNT": 10}, **arguments)
        second = crawl(settings=folder, **arguments)
        assert first.ids | second.ids == site.served.listings
        assert second.items


def test_record_of_what_the_site_served_is_available_over_http(site):
    import json

    crawl(place="kwelderstad-gr", details="off", base_url=site.url)
    record = json.loads(site_answer(site, "/__served__"))
    assert set(record["listings"]) == site.served.listings
    assert record["counts"]["search"] == site.served.counts["search"]
