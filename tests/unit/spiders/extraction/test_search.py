"""Prices and areas in the payload of a search page reach the listing unchanged."""

from __future__ import annotations

import json
from dataclasses import asdict
from urllib.parse import urljoin

import polars as pl
import pytest

from propload.prepare.mapping import MapContext
from propload_spiders.demo.devalue import flatten
from propload_spiders.extraction.detail import read_detail
from propload_spiders.extraction.search import read_search
from propload_spiders.extraction.texts import measure_of
from propload_spiders.mapping import FUNDA

URL = "https://www.funda.nl/zoeken/koop"
NOW = "2026-09-01T09:00:00.000000+00:00"
LINK = "/detail/koop/duinhaven/huis-wilgenkade-9/41234567/"


def item_of(**listing):
    listing["object_detail_page_relative_url"] = LINK
    state = {"pinia": {"search": {"listings": [listing], "totalListingsCount": 1}}}
    payload = flatten(state)
    html = f'<script id="__NUXT_DATA__" type="application/json">{payload}</script>'
    (item,) = read_search(html, url=URL, scraped_at=NOW).items
    return item


AREAS = [59.125, 1.375, 123.456, 59.5, 59, 1234]


@pytest.fixture(scope="module")
def mapped():
    """Map an item for each area, all in one frame, because a frame has a fixed cost."""
    items = [
        item_of(
            floor_area=[area],
            plot_area_range={"gte": area, "lte": area},
            price={"selling_price": [950.125]},
        )
        for area in AREAS
    ]
    frame = pl.from_dicts([asdict(item) for item in items])
    rows = FUNDA.apply(frame, MapContext()).frame.rows(named=True)
    return dict(zip(AREAS, rows, strict=True))


@pytest.mark.parametrize("area", AREAS)
def test_area_reaches_the_listing_unchanged(mapped, area):
    row = mapped[area]
    assert (row["living_area_m2"], row["plot_area_m2"]) == (area, area)


def test_price_reaches_the_listing_in_whole_euros(mapped):
    assert {row["list_price"] for row in mapped.values()} == {950}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([59.125], "59.1250"),
        (-1.125, "-1.1250"),
        (1234.125, "1234.125"),
        (59.5, "59.5"),
        ("1.250", "1.250"),
        (["1.250"], "1.250"),
        ([1.125, 2.125], "[1.125, 2.125]"),
        ([], None),
        (None, None),
    ],
)
def test_only_a_number_that_reads_like_thousands_gets_a_zero(value, text):
    assert measure_of(value) == text


def test_other_numbers_are_left_alone():
    item = item_of(id=4.125, floor_area=[59])
    assert item.global_id == "4.125"


def test_listing_with_an_invalid_url_is_skipped_alone():
    links = ["http://[", LINK]
    block = {"@type": "ItemList", "itemListElement": [{"url": link} for link in links]}
    cards = "".join(
        f'<a data-testid="listingDetailsAddress" href="{link}"><div>x 1</div></a>'
        for link in links
    )
    listings = [{"object_detail_page_relative_url": link} for link in links]
    payload = flatten({"pinia": {"search": {"listings": listings}}})
    linked = f'<script type="application/ld+json">{json.dumps(block)}</script>'
    state = f'<script id="__NUXT_DATA__" type="application/json">{payload}</script>'
    for html in (linked, cards, state, linked + cards + state):
        page = read_search(html, url=URL, scraped_at=NOW)
        assert [item.listing_id for item in page.items] == ["41234567"]


@pytest.mark.parametrize("body", ['{"message": "busy"}', '["<dl>"]'])
def test_json_response_is_a_page_without_listings(body):
    page = read_search(body, url=URL, scraped_at=NOW)
    assert (page.items, page.method) == ((), "none")
    assert read_detail(body, url=urljoin(URL, LINK), scraped_at=NOW) is None
