"""A crawl reads what its arguments select: places, filters, pages, addresses."""

from __future__ import annotations

import pytest

from propload.errors import ConfigError
from propload_spiders.demo import DemoSite, Traps
from propload_spiders.spiders.funda import FundaSoldSpider
from tests.acceptance.crawling import all_places
from tests.acceptance.spiders.reading import crawl, open_ids


def test_sold_spider_reads_exactly_the_sold_listings(site):
    result = crawl(FundaSoldSpider, place=all_places(site), base_url=site.url)
    sold = {key for key, each in site.listings.items() if each.status == "sold"}
    assert result.ids == sold
    for item in result.items:
        assert (item.status_text, bool(item.sold_text)) == ("Verkocht", True)
        assert "/verkocht/" in item.url


def test_filters_select_homes_for_rent(site):
    result = crawl(
        place="duinhaven",
        offering="rent",
        price="500-1500",
        details="off",
        base_url=site.url,
    )
    expected = {
        key
        for key in open_ids(site, "rent")
        if 500 <= site.listings[key].price <= 1_500
        and site.listings[key].home.town.slug == "duinhaven"
    }
    assert result.ids == expected
    assert expected


def test_max_pages_applies_to_each_place(site):
    result = crawl(
        place="duinhaven,waterrecht", max_pages="1", details="off", base_url=site.url
    )
    assert result.count("search_pages") == 2
    assert len(result.items) == 30


def test_max_pages_counts_from_the_page_that_a_search_starts_at(site):
    url = f"{site.url}/zoeken/koop?selected_area=%5B%22duinhaven%22%5D&search_result=2"
    result = crawl(start_urls=[url], max_pages=2, details="off", base_url=site.url)
    assert result.count("search_pages") == 2


def test_unknown_place_is_reported_and_yields_no_items(site):
    result = crawl(
        place="nergenshuizen,kwelderstad-gr", details="off", base_url=site.url
    )
    assert {item.city for item in result.items} == {"Kwelderstad"}
    assert result.count("places_unknown") == 1
    assert "nergenshuizen" in result.missing[0]
    assert site.served.counts["elsewhere"] == 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_unknown_place_is_noticed_with_or_without_a_payload(share):
    traps = Traps(without_payload=share)
    with DemoSite(listings=40, traps=traps) as site:
        result = crawl(place="nergenshuizen", details="off", base_url=site.url)
        assert (result.items, result.count("places_unknown")) == ([], 1)


def test_crawl_can_start_at_the_address_of_a_search(site):
    url = f"{site.url}/zoeken/koop?selected_area=%5B%22duinhaven%22%5D"
    result = crawl(start_urls=[url], details=False, base_url=site.url)
    assert result.ids == {
        key
        for key in open_ids(site)
        if site.listings[key].home.town.slug == "duinhaven"
    }


def test_sold_listing_is_found_at_its_new_address(site):
    site.set_day(1)
    key = min(site.changes(1).closed)
    old = site.market.on(0)[key].path
    result = crawl(start_urls=site.url + old, base_url=site.url)
    (item,) = result.items
    assert (item.listing_id, item.status_text) == (key, "Verkocht")
    assert item.url == site.url + site.listings[key].path


def test_overlapping_places_yield_each_listing_once(site):
    result = crawl(
        place="duinhaven,gemeente-duinhaven,duinhaven/havenzicht",
        details="off",
        base_url=site.url,
    )
    assert len(result.items) == len(result.ids)
    assert result.ids == {
        key
        for key in open_ids(site)
        if site.listings[key].home.town.slug == "duinhaven"
    }
    assert result.count("listings_repeated") > len(result.ids)


def test_misspelled_argument_fails_before_anything_is_requested(site):
    with pytest.raises(ConfigError, match="did you mean 'place'"):
        crawl(plaace="duinhaven", base_url=site.url)
    assert site.served.requests == 0
