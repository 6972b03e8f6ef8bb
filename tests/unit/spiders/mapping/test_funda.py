"""The row of a listing, mapped from an item of a crawl or the cells of a file."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import REASONS, ROW
from propload.prepare.checks.validation import load_schema
from propload.prepare.mapping import MapContext, load_mapping
from propload_spiders.items import ListingItem
from propload_spiders.mapping import FUNDA
from tests.unit.spiders.mapping.listings import (
    AS_OF,
    NEEDED,
    URL,
    MappedTogether,
    apply,
    item,
)

LISTING = load_schema("propload.schemas.listing:LISTING").columns
ROW_SCHEMA = pl.Schema({ROW: pl.UInt32(), **LISTING})
#: Each item has its own time of scraping.
ITEMS = MappedTogether(as_of=None)
TEXTS = MappedTogether()
#: Rows with cells that are no texts.
TYPED = MappedTogether()


def test_funda_mapping_is_loaded_by_module_and_name():
    assert load_mapping("propload_spiders.mapping:FUNDA") is FUNDA


SEARCHED = ITEMS.of(
    **item(
        page="search",
        global_id="8116828",
        offering="buy",
        status_text="none",
        object_type="apartment",
        construction_text="resale",
        price_text="495000",
        price_condition_text="kosten_koper",
        listed_text="2026-07-02T23:42:25.8657786+02:00",
        living_area_text="59",
        rooms_text="3",
        bedrooms_text="2",
        energy_label_text="unknown",
        street="Lange Geer",
        house_number="1",
        house_number_suffix="A",
        postal_code="2611DX",
        city="Delft",
        country="NL",
        agent_name="Makelaar ",
        photo_count="15",
    )
)


def test_item_of_a_search_page_is_mapped():
    row = SEARCHED()
    values = {name: value for name, value in row.items() if value is not None}
    assert values == {
        ROW: row[ROW],
        "source": "funda",
        "listing_id": "42638761",
        "source_global_id": "8116828",
        "url": URL,
        "offering": "sale",
        "status": "available",
        "status_raw": "none",
        "property_type": "apartment",
        "is_new_construction": False,
        "list_price": 495_000,
        "price_condition": "k.k.",
        "currency": "EUR",
        "listed_on": date(2026, 7, 2),
        "living_area_m2": 59.0,
        "rooms": 3,
        "bedrooms": 2,
        "street": "Lange Geer",
        "house_number": "1",
        "house_number_suffix": "A",
        "postal_code": "2611DX",
        "city": "Delft",
        "country": "NL",
        "agent_name": "Makelaar",
        "photo_count": 15,
        "attributes": '{"energy_label_text":"unknown"}',
        "scraped_at": datetime(2026, 7, 4, 10, tzinfo=UTC),
    }


FEATURES = '{"overdracht-looptijd":"4 weken","bouw-soortdak":"Plat dak"}'
SOLD_URL = "https://www.funda.nl/detail/koop/verkocht/delft/huis-geer-1/42638761/"
SOLD = ITEMS.of(
    **item(
        url=SOLD_URL,
        offering="koop",
        status_text="Verkocht",
        subtype_text="Eengezinswoning, tussenwoning",
        price_text="€ 495.000 k.k.",
        original_price_text="€ 510.000 k.k.",
        monthly_fee_text="€ 164,54 per maand",
        sold_text="15 juni 2026",
        duration_text="4 weken",
        volume_text="1.218 m³",
        rooms_text="5 kamers (4 slaapkamers)",
        bathrooms_text="1 badkamer en 1 apart toilet",
        year_built_text="1931-1944",
        description="Regel een.\n\nRegel  twee.",
        latitude="52.0116",
        longitude="4.3571",
        features=FEATURES,
    )
)


def test_item_of_a_sold_page_is_mapped():
    row = SOLD()
    assert row["status"] == "sold"
    assert row["property_type"] == "house"
    assert row["list_price"] == 495_000
    assert row["original_list_price"] == 510_000
    assert row["close_price"] is None
    assert row["monthly_fee"] == Decimal("164.54")
    assert row["sold_on"] == date(2026, 6, 15)
    assert row["days_on_market"] == 28
    assert row["volume_m3"] == 1218.0
    assert (row["rooms"], row["bedrooms"], row["bathrooms"]) == (5, 4, 1)
    assert (row["year_built"], row["year_built_min"], row["year_built_max"]) == (
        None,
        1931,
        1944,
    )
    assert row["description"] == "Regel een.\n\nRegel  twee."
    assert json.loads(row["attributes"]) == json.loads(FEATURES) | {
        "bathrooms_text": "1 badkamer en 1 apart toilet"
    }


GONE = ITEMS.of(**item(page="gone", status_text="withdrawn"))


def test_item_of_a_gone_page_has_only_its_status():
    row = GONE()
    assert row["status"] == "withdrawn"
    assert row["list_price"] is None
    assert row["attributes"] is None


RENTED = [
    ITEMS.of(
        **item(offering="rent", rent_text="2110", rent_condition_text="per_month")
    ),
    ITEMS.of(**item(rent_text="€ 1.200 per jaar")),
    ITEMS.of(**item(url=URL.replace("koop", "huur"), price_text="€ 1.725 per maand")),
]


def test_rent_has_its_own_price_and_period():
    rows = [row() for row in RENTED]
    assert [row["rent_price"] for row in rows] == [2_110, 1_200, 1_725]
    assert [row["rent_period"] for row in rows] == ["month", "year", "month"]
    assert [row["list_price"] for row in rows] == [None] * 3


RENT_WITHOUT_PERIOD = TEXTS.of(offering="rent", price="1725")


def test_rent_without_a_period_is_left_to_the_schema():
    row = RENT_WITHOUT_PERIOD()
    assert (row["rent_price"], row["rent_period"]) == (1_725, None)


PRICED = [TYPED.of(price=400_000), TYPED.of(Price=400_000.0)]


def test_price_may_be_a_number():
    assert [row()["list_price"] for row in PRICED] == [400_000] * 2


FLOATS = TYPED.of(latitude=52.011, longitude=4.357, living_area=1.234)


def test_floats_of_a_typed_file_are_not_read_as_thousands():
    row = FLOATS()
    assert (row["latitude"], row["longitude"]) == (52.011, 4.357)
    assert row["living_area_m2"] == 1.234


NESTED = TYPED.of(
    scraped_at=datetime(2026, 7, 4, 12, tzinfo=UTC),
    listed_on=date(2026, 7, 1),
    floor_area=[59],
    number_of_rooms=[3, 4],
)


def test_typed_times_and_lists_are_read():
    row = NESTED()
    assert row["scraped_at"] == datetime(2026, 7, 4, 12, tzinfo=UTC)
    assert row["listed_on"] == date(2026, 7, 1)
    assert row["living_area_m2"] == 59.0
    assert row["rooms"] is None
    assert json.loads(row["attributes"]) == {"number_of_rooms": "[3,4]"}


def test_rows_keep_their_numbers():
    frame = pl.DataFrame({"url": [URL, None, URL]}).with_row_index(ROW, offset=7)
    sifted = FUNDA.apply(frame, MapContext(as_of=AS_OF))
    assert sifted.frame[ROW].to_list() == [7, 9]
    assert sifted.reasons[ROW].to_list() == [8]
    assert sifted.reasons.schema == REASONS


LISTED_WEEKS_AGO = TEXTS.of(**{"Aangeboden sinds": "3 weken"})


def test_as_of_replaces_a_missing_time_of_scraping():
    row = LISTED_WEEKS_AGO()
    assert row["scraped_at"] == AS_OF
    assert row["listed_on"] == date(2022, 3, 18)


def test_as_of_may_be_in_any_zone_and_columns_are_those_of_the_listing():
    amsterdam = datetime(2022, 4, 8, 14, tzinfo=timezone(timedelta(hours=2)))
    mapped = apply({"url": URL}, as_of=amsterdam).frame
    assert mapped["scraped_at"][0] == AS_OF
    assert list(mapped.schema.items()) == list(ROW_SCHEMA.items())


NOWHERE = TEXTS.of(latitude="0.0", longitude="0.0")


def test_coordinates_of_zero_are_null():
    row = NOWHERE()
    assert (row["latitude"], row["longitude"]) == (None, None)


ADDRESS_LINES = [
    TEXTS.of(Adres=line)
    for line in ("Villa Rood (Bouwnr. 4)", "Lange Geer", "Lange Geer 1 a")
]


def test_address_line_that_cannot_be_split_is_kept_as_attribute():
    row, *others = (row() for row in ADDRESS_LINES)
    assert row["street"] is None
    assert row["attributes"] == '{"Adres":"Villa Rood (Bouwnr. 4)"}'
    assert [other["attributes"] for other in others] == [None, None]


def item_with_address_line():
    search_item = ListingItem(
        "funda", "42638761", URL, NEEDED["scraped_at"], "search",
        street="Baan 66", house_number="5",
    )  # fmt: skip
    detail_item = replace(search_item, street=None, house_number=None, page="detail")
    return asdict(
        replace(detail_item, address_text="Baan 66 5").fill_missing_from(search_item)
    )


SPLIT = ITEMS.of(**item_with_address_line())


def test_street_of_the_payload_decides_where_the_line_is_split():
    row = SPLIT()
    assert (row["street"], row["house_number"]) == ("Baan 66", "5")
    assert row["house_number_suffix"] is None


RELATIVE = TEXTS.of(url="/detail/koop/delft/huis-geer-1/42638761/")


def test_relative_url_is_resolved_against_the_site():
    row = RELATIVE()
    assert row["url"] == "https://www.funda.nl/detail/koop/delft/huis-geer-1/42638761/"


def test_empty_frame_has_the_columns_of_the_listing():
    frame = pl.DataFrame({"url": [], "Vraagprijs": []}, schema=["url", "Vraagprijs"])
    sifted = FUNDA.apply(frame, MapContext(as_of=AS_OF))
    assert sifted.frame.is_empty()
    assert sifted.frame.schema == ROW_SCHEMA


SALES = {
    text: TEXTS.of(price=text)
    for text in (
        "€ 495.000 k.k. (€ 5.000/m²)",
        "€ 495.000 (€ 5.000/m²)",
        "€ 495.000 (servicekosten € 150 per maand)",
        "€ 495.000 k.k. (servicekosten € 150 p/m)",
    )
}


@pytest.mark.parametrize("price", SALES)
def test_price_of_a_sale_is_not_taken_for_a_rent_because_of_brackets(price):
    row = SALES[price]()
    assert (row["list_price"], row["rent_price"]) == (495000, None)
    assert (row["rent_period"], row["offering"]) == (None, "sale")
