"""Listings that no search shows any more are treated as the documentation says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from propload.ingesting import ingest
from propload_spiders.extraction.detail import gone_item
from propload_spiders.items import ListingItem
from tests.integration.reading import query

PAGE = Path(__file__).parents[3] / "docs" / "crawling.md"
DAY_1, DAY_2, DAY_3 = (f"2024-08-0{day}T10:00:00.000000+00:00" for day in (1, 2, 3))
SOLD = "https://www.funda.nl/detail/koop/verkocht/delft/huis-kaai-3/41000003/"


def open_listing(number, status):
    return ListingItem(
        "funda",
        f"4100000{number}",
        f"https://www.funda.nl/detail/koop/delft/huis-kaai-{number}/4100000{number}/",
        DAY_1,
        "search",
        status_text=status,
    )


def load(database, items):
    ingest(
        items,
        to=database,
        table="listings",
        mapping="funda",
        schema="listing",
        progress=False,
    )


@pytest.mark.one_server
def test_documented_query_selects_listings_that_are_not_closed(database):
    statuses = ["none", "withdrawn", "sold", "rented", None, "under_bid"]
    load(database, [open_listing(*each) for each in enumerate(statuses)])
    (sql,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    urls = [url for (url,) in query(database, sql)]
    assert sorted(re.findall(r"kaai-(\d)", " ".join(urls))) == ["0", "4", "5"]


@pytest.mark.one_server
def test_sold_listing_whose_page_is_gone_stays_sold(database):
    load(database, [ListingItem("funda", "41000003", SOLD, DAY_1, "detail")])
    load(database, [gone_item(SOLD, scraped_at=DAY_2)])
    stored = query(database, "SELECT status, scraped_at::date::text FROM listings")
    assert stored == [("sold", "2024-08-02")]


@pytest.mark.one_server
def test_detail_page_keeps_a_street_unless_its_address_says_otherwise(database):
    known = {"street": "Baan 66", "house_number": "5"}
    first = replace(open_listing(1, "none"), **known)
    bare = replace(first, page="detail", street=None, house_number=None)
    load(database, [first])

    def stored_after(address, moment):
        load(database, [replace(bare, scraped_at=moment, address_text=address)])
        (row,) = query(database, "SELECT street, house_number FROM listings")
        return row

    assert stored_after("Villa Rood (Bouwnr. 4)", DAY_2) == ("Baan 66", "5")
    assert stored_after("Baan 66 5", DAY_3) == ("Baan", "66")
