"""What the demo site holds, after its pages went through extraction and mapping."""

from __future__ import annotations

from dataclasses import asdict, fields

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.mapping import MapContext
from propload_spiders.demo.answering import Responder
from propload_spiders.demo.market import Market
from propload_spiders.demo.served import Served
from propload_spiders.demo.traps import Traps
from propload_spiders.extraction.detail import read_detail
from propload_spiders.extraction.search import read_search
from propload_spiders.items import ListingItem
from propload_spiders.mapping import FUNDA

SITE = "http://127.0.0.1:1"
NOW = "2026-09-01T09:00:00.000000+00:00"
PERIODS = {"per_month": "month", "per_year": "year"}


@pytest.fixture(scope="module")
def market():
    return Market(5, 240)


def map_items(items):
    rows = [asdict(item) for item in items]
    names = [field.name for field in fields(ListingItem)]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))
    sifted = FUNDA.apply(
        frame.with_row_index(ROW), MapContext(as_of=None, source="demo")
    )
    assert sifted.reasons.height == 0
    return {row["listing_id"]: row for row in sifted.frame.iter_rows(named=True)}


def search_items(site, offering):
    page = 0
    while True:
        page += 1
        path = f"/zoeken/{offering}?search_result={page}"
        html = site.answer(path).body.decode()
        items = read_search(html, url=SITE + path, scraped_at=NOW).items
        yield from items
        if not items:
            return


def detail_item(site, listing):
    html = site.answer(listing.path).body.decode()
    return read_detail(html, url=SITE + listing.path, scraped_at=NOW)


def check_row(row, listing):
    home = listing.home
    is_sale = home.offering == "buy"
    assert row["offering"] == ("sale" if is_sale else "rent")
    assert (row["list_price"], row["rent_price"]) == (
        (listing.price, None) if is_sale else (None, listing.price)
    )
    assert row["rent_period"] == PERIODS.get(home.condition)
    assert row["close_price"] is None
    assert row["property_type"] == home.kind
    assert row["living_area_m2"] == home.living_area
    assert row["plot_area_m2"] == home.plot_area
    assert (row["rooms"], row["bedrooms"]) == (home.rooms, home.bedrooms)
    assert row["energy_label"] == home.label
    assert row["postal_code"] == home.postal_code
    assert row["city"] == home.town.name
    assert (row["street"], row["house_number"], row["house_number_suffix"]) == (
        home.street,
        str(home.number),
        home.suffix or None,
    )
    assert row["agent_name"] == home.agent.name.strip()


@pytest.mark.parametrize("offering", ["koop", "huur"])
def test_mapped_search_pages_equal_the_data_of_the_site(market, offering):
    site = Responder(market, Traps(), Served(), seed=5)
    rows = map_items(search_items(site, offering))
    assert len(rows) > 30
    for key, row in rows.items():
        check_row(row, market.on(0)[key])


@pytest.mark.parametrize("markup_only", [0.0, 1.0])
def test_mapped_detail_pages_equal_the_data_of_the_site(market, markup_only):
    site = Responder(market, Traps(markup_only=markup_only), Served(), seed=5)
    listings = market.on(0)
    rows = map_items(detail_item(site, each) for each in listings.values())
    assert rows.keys() == listings.keys()
    for key, row in rows.items():
        check_row(row, listings[key])
        home = listings[key].home
        assert row["sold_on"] == listings[key].closed_on
        assert row["stories"] == home.stories
        assert row["bathrooms"] == home.bathrooms
        assert row["volume_m3"] == home.volume


def test_cards_and_payload_yield_the_same_prices_and_conditions(market):
    def prices(traps):
        rows = map_items(
            search_items(Responder(market, traps, Served(), seed=5), "koop")
        )
        return {k: (r["list_price"], r["price_condition"]) for k, r in rows.items()}

    from_payload = prices(Traps())
    assert {condition for _, condition in from_payload.values()} == {"k.k.", "v.o.n."}
    from_cards = prices(Traps(without_payload=1.0))
    assert from_cards == from_payload
