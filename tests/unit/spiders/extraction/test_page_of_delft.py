"""The one real search page available, compared value by value."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path

import pytest

from propload_spiders.extraction.kinds import kind_of
from propload_spiders.extraction.search import read_search

URL = "https://www.funda.nl/zoeken/huur?selected_area=[%22delft%22]"
NOW = "2026-07-04T09:00:00.000000+00:00"

#: The values of the page's payload, copied by hand; an empty cell is a null.
ROWS = Path(__file__).with_name("page_of_delft.csv")
LISTINGS = list(csv.DictReader(ROWS.read_text("utf-8").splitlines()))

# the fields that are the same for all listings
SHARED = {
    "source": "funda",
    "scraped_at": NOW,
    "page": "search",
    "offering": "rent",
    "listing_type": "single",
    "construction_text": "resale",
    "rent_condition_text": "per_month",
    "city": "Delft",
    "municipality": "Delft",
    "province": "Zuid-Holland",
    "country": "NL",
}


def expected(row):
    path = row["url"]
    own = {
        "url": f"https://www.funda.nl{path}",
        "listing_id": path.strip("/").rpartition("/")[2],
    }
    return SHARED | {name: each for name, each in (row | own).items() if each}


def known_fields(item):
    return {name: each for name, each in asdict(item).items() if each is not None}


@pytest.fixture(scope="module")
def html(shared_fixtures):
    return (shared_fixtures / "funda" / "search-rent-delft.html").read_text("utf-8")


def without_marks(html, *marks):
    for mark in marks:
        assert mark in html
        html = html.replace(mark, "taken-out")
    return html


def test_every_value_of_every_listing_is_read(html):
    page = read_search(html, url=URL, scraped_at=NOW)
    assert [known_fields(item) for item in page.items] == [
        expected(row) for row in LISTINGS
    ]


def test_totals_and_areas_of_the_page_are_read(html):
    page = read_search(html, url=URL, scraped_at=NOW)
    assert (page.total, page.areas, page.method, page.unread) == (
        41,
        ("delft",),
        "payload",
        0,
    )


def test_real_page_is_no_block_page(html):
    assert kind_of(html) == "page"


@pytest.mark.parametrize(
    ("marks", "method"),
    [
        (("__NUXT_DATA__",), "json-ld"),
        (("__NUXT_DATA__", "application/ld+json"), "markup"),
    ],
)
def test_all_listings_are_read_from_markup_without_payload(html, marks, method):
    page = read_search(without_marks(html, *marks), url=URL, scraped_at=NOW)
    assert (page.method, page.total, page.areas) == (method, 41, None)
    assert len(page.items) == 15
    for item, row in zip(page.items, LISTINGS, strict=True):
        facts = expected(row)
        suffix = facts.get("house_number_suffix")
        label = facts["energy_label_text"]
        assert known_fields(item) == {
            name: each
            for name, each in {
                **{name: facts[name] for name in ("source", "url", "listing_id")},
                "scraped_at": NOW,
                "page": "search",
                "offering": "huur",
                "status_text": (
                    "Verhuurd onder voorbehoud"
                    if facts["status_text"] == "rented_under_reservation"
                    else facts["status_text"]
                ),
                "object_type": {"apartment": "appartement", "house": "huis"}[
                    facts["object_type"]
                ],
                "rent_text": f"€ {int(facts['rent_text']):,} /maand".replace(",", "."),
                "living_area_text": f"{facts['living_area_text']} m²",
                "plot_area_text": (
                    f"{facts['plot_area_text']} m²" if row["plot_area_text"] else None
                ),
                "bedrooms_text": facts["bedrooms_text"],
                "energy_label_text": None if label == "unknown" else label,
                "address_text": f"{facts['street']} {facts['house_number']}"
                + (f"-{suffix}" if suffix else ""),
                "postal_code": f"{facts['postal_code'][:4]} {facts['postal_code'][4:]}",
                "city": "Delft",
                "agent_id": facts["agent_id"],
                # the markup drops the space that the payload's name ends in
                "agent_name": facts["agent_name"].strip(),
            }.items()
            if each is not None
        }


def test_card_without_badge_has_no_status_among_closed_listings(html):
    url = f"{URL}&availability=[%22unavailable%22]"
    bare = without_marks(html, "__NUXT_DATA__")
    closed = read_search(bare, url=url, scraped_at=NOW).items
    assert {item.status_text for item in closed} == {None, "Verhuurd onder voorbehoud"}
    moved = bare.replace("/detail/huur/", "/detail/huur/verhuurd/")
    rented = read_search(moved, url=URL, scraped_at=NOW).items
    assert {item.status_text for item in rented} == {None, "Verhuurd onder voorbehoud"}


def test_real_block_page_is_blocked_and_has_no_listings(shared_fixtures):
    html = (shared_fixtures / "block-page.html").read_text("utf-8")
    assert kind_of(html, 200) == "blocked"
    page = read_search(html, url=URL, scraped_at=NOW)
    assert (page.items, page.total, page.method) == ((), None, "none")
