"""The demo site's pages, read back: extraction returns the data of the site."""

from __future__ import annotations

import json

import pytest

from propload_spiders.demo.answering import Responder
from propload_spiders.demo.market import Market
from propload_spiders.demo.places import TOWNS
from propload_spiders.demo.served import Served
from propload_spiders.demo.traps import NO_TRAPS, Traps
from propload_spiders.demo.wording import (
    cents_text,
    date_text,
    number_text,
    price_text,
    rooms_text,
    status_text,
)
from propload_spiders.extraction.detail import read_detail
from propload_spiders.extraction.kinds import kind_of
from propload_spiders.extraction.search import read_search

SITE = "http://127.0.0.1:1"
NOW = "2026-09-01T09:00:00.000000+00:00"


@pytest.fixture(scope="module")
def market():
    return Market(7, 300)


def responder_of(market, traps=NO_TRAPS, day=0):
    one = Responder(market, traps, Served(), seed=7)
    one.site = SITE
    one.show(day)
    return one


def search(site, path):
    answer = site.answer(path)
    assert answer.status == 200
    return read_search(answer.body.decode(), url=SITE + path, scraped_at=NOW), answer


def text(number):
    return None if number is None else str(number)


@pytest.mark.parametrize("path", ["/zoeken/koop", "/zoeken/huur"])
def test_search_pages_equal_the_data_of_the_site(market, path):
    page, answer = search(responder_of(market), path)
    assert [item.listing_id for item in page.items] == list(answer.ids)
    assert (len(page.items), page.method) == (15, "payload")
    for item in page.items:
        listing = market.on(0)[item.listing_id]
        home = listing.home
        price = (item.price_text, item.price_condition_text)
        rent = (item.rent_text, item.rent_condition_text)
        asking_price = (str(listing.price), home.condition)
        assert (price, rent) == (
            (asking_price, (None, None))
            if home.offering == "buy"
            else ((None, None), asking_price)
        )
        assert (item.living_area_text, item.plot_area_text) == (
            text(home.living_area),
            text(home.plot_area),
        )
        assert (item.rooms_text, item.bedrooms_text) == (
            text(home.rooms),
            text(home.bedrooms),
        )
        assert (item.street, item.house_number, item.house_number_suffix) == (
            home.street,
            str(home.number),
            home.suffix or None,
        )
        assert item.url == SITE + listing.path
        assert item.global_id == str(home.global_id)
        assert item.listed_text == home.published_text
        assert item.energy_label_text == (home.label or "unknown")
        assert item.agent_name == home.agent.name
        assert item.status_text == listing.status
        assert item.photo_count == str(home.photos)


@pytest.mark.parametrize("markup_only", [0.0, 1.0])
def test_detail_pages_equal_the_data_of_the_site(market, markup_only):
    site = responder_of(market, Traps(markup_only=markup_only))
    for listing in market.on(0).values():
        home = listing.home
        html = site.answer(listing.path).body.decode()
        item = read_detail(html, url=SITE + listing.path, scraped_at=NOW)
        assert item is not None
        price = item.price_text if home.offering == "buy" else item.rent_text
        assert price == price_text(listing)
        assert item.status_text == status_text(listing)
        assert item.living_area_text == _area(home.living_area)
        assert item.plot_area_text == _area(home.plot_area)
        assert item.rooms_text == (
            rooms_text(home.rooms, home.bedrooms) if home.rooms else None
        )
        assert item.year_built_text == home.built
        assert item.energy_label_text == home.label
        assert item.ownership_text == home.ownership
        assert item.address_text == home.address
        assert item.postal_code == f"{home.postal_code[:4]} {home.postal_code[4:]}"
        assert item.agent_name == home.agent.name.strip()
        assert item.sold_text == (
            date_text(listing.closed_on) if listing.closed_on else None
        )
        fee = home.fee and not listing.is_closed
        assert item.monthly_fee_text == (
            f"€ {cents_text(home.fee)} per maand" if fee else None
        )
        if home.listed_hidden or listing.is_closed:
            assert item.listed_text is None
        coordinates = (str(home.latitude), str(home.longitude))
        assert (item.latitude, item.longitude) == (
            (None, None) if markup_only else coordinates
        )
        assert json.loads(item.features)


def _area(area):
    return None if area is None else f"{number_text(area)} m²"


def test_pages_without_payload_hold_the_same_listings(market):
    path = f"/zoeken/koop?selected_area=%5B%22{TOWNS[0].slug}%22%5D"
    whole, _ = search(responder_of(market), path)
    bare, _ = search(responder_of(market, Traps(without_payload=1.0)), path)
    assert whole.method == "payload"
    assert bare.method in ("json-ld", "markup")
    assert [item.listing_id for item in bare.items] == [
        item.listing_id for item in whole.items
    ]
    assert bare.total == whole.total
    assert bare.areas is None
    assert set(bare.cities) == {TOWNS[0].slug}


def test_unknown_place_is_answered_with_the_whole_country(market):
    page, answer = search(
        responder_of(market), "/zoeken/koop?selected_area=%5B%22nergens%22%5D"
    )
    assert (page.areas, len(page.items), answer.kind) == ((), 15, "elsewhere")


@pytest.mark.parametrize(
    ("area", "served"),
    [
        ("duinhaven/havenzicht", "duinhaven/havenzicht"),
        ("duinhaven/nergens", "duinhaven"),
        ("gemeente-zandloo", "gemeente-zandloo"),
        ("provincie-utrecht", "provincie-utrecht"),
        ("duinhaven,5km", "duinhaven"),
        ("1912", "1912"),
    ],
)
def test_area_is_answered_with_the_nearest_one_that_the_site_knows(
    market, area, served
):
    page, _ = search(
        responder_of(market), f"/zoeken/koop?selected_area=%5B%22{area}%22%5D"
    )
    assert page.areas == (served,)
    assert page.items


def test_unknown_radius_is_answered_with_an_empty_page(market):
    page, _ = search(
        responder_of(market), "/zoeken/koop?selected_area=%5B%22duinhaven%2C6km%22%5D"
    )
    assert (page.items, page.total) == ((), 0)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("price=%220-400000%22", lambda each: each.price <= 400_000),
        ("floor_area=%22100-%22", lambda each: (each.home.living_area or 0) >= 100),
        ("object_type=%5B%22land%22%5D", lambda each: each.home.kind == "land"),
        ("energy_label=A,B", lambda each: each.home.label in ("A", "B")),
    ],
)
def test_filters_select_the_matching_listings(market, query, matches):
    page, _ = search(responder_of(market), f"/zoeken/koop?{query}")
    expected = [
        each
        for each in market.on(0).values()
        if each.home.offering == "buy" and not each.is_closed and matches(each)
    ]
    assert page.total == len(expected) > 0
    assert all(matches(market.on(0)[item.listing_id]) for item in page.items)


def test_page_past_the_end_is_empty_or_repeats_the_last_page(market):
    empty, _ = search(responder_of(market), "/zoeken/huur?search_result=99")
    again, _ = search(
        responder_of(market, Traps(past_end="repeat")), "/zoeken/huur?search_result=99"
    )
    last, _ = search(responder_of(market), "/zoeken/huur?search_result=5")
    assert empty.items == ()
    assert [item.listing_id for item in again.items] == [
        item.listing_id for item in last.items
    ]


def test_sold_listing_is_redirected_and_withdrawn_one_is_gone(market):
    changes = market.changes(1)
    sold = market.on(1)[min(changes.closed)]
    site = responder_of(market, day=1)
    moved = site.answer(market.on(0)[sold.home.listing_id].path)
    assert (moved.status, moved.location) == (301, sold.path)
    assert "/verkocht/" in sold.path
    gone = site.answer(market.on(0)[min(changes.withdrawn)].path)
    assert gone.status == 404
    assert kind_of(gone.body.decode()) == "gone"


def test_site_blocks_requests_over_its_limit_but_not_robots_txt(market):
    site = responder_of(market, Traps(block_after=1))
    assert kind_of(site.answer("/zoeken/koop").body.decode()) == "page"
    assert kind_of(site.answer("/zoeken/koop").body.decode()) == "blocked"
    assert site.answer("/robots.txt").kind == "robots"


def test_same_seed_makes_the_same_site():
    first, second, other = Market(3, 60), Market(3, 60), Market(4, 60)
    assert first.on(2) == second.on(2)
    assert first.on(2) != other.on(2)


def test_each_kind_of_event_happens_in_a_small_market():
    small = Market(1, 30)
    first, second = small.changes(1), small.changes(2)
    assert first.new
    assert first.price_changed
    assert first.closed
    assert first.withdrawn
    assert second.relisted
    assert first.withdrawn & second.relisted
    for key in first.price_changed:
        assert small.on(0)[key].price != small.on(1)[key].price


def test_each_of_the_three_ids_of_a_home_is_unique(market):
    homes = [each.home for each in market.on(3).values()]
    for name in ("listing_id", "global_id", "slug_id"):
        assert len({getattr(home, name) for home in homes}) == len(homes)
    assert all(len(home.listing_id) == 8 for home in homes)


def test_market_contains_odd_values():
    homes = [each.home for each in Market(1, 800).on(0).values()]
    assert any(home.condition == "per_year" for home in homes)
    assert any(home.agent.name.endswith(" ") for home in homes)
    assert any(home.living_area is None for home in homes if home.kind == "house")
    assert any(home.rooms and home.bedrooms is None for home in homes)
    assert any(home.label is None for home in homes)
    assert all(home.published_text.endswith("+02:00") for home in homes)
    assert all(len(home.published_text) == 33 for home in homes)
