"""A crawl reads what it was asked for: places, filters, pages, addresses."""

from __future__ import annotations

import pytest

from propload.errors import ConfigError
from propload_spiders.demo import DemoSite, Traps
from propload_spiders.spiders.funda import FundaSoldSpider
from tests.acceptance.crawling import everywhere
from tests.acceptance.spiders.reading import crawl, open_ids


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


def test_a_misspelled_argument_fails_before_anything_is_fetched(site):
    with pytest.raises(ConfigError, match="did you mean 'place'"):
        crawl(plaace="duinhaven", base_url=site.url)
    assert site.served.requests == 0
