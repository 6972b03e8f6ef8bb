from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.checks.validation import load_schema
from propload.schemas.listing import LISTING, Listing

CHECKER = load_schema("propload.schemas.listing:LISTING")
REQUIRED = ("source", "listing_id", "url", "scraped_at")
GOOD = {
    "source": "funda",
    "listing_id": "41420853",
    "url": "https://www.funda.nl/detail/koop/delft/huis-lange-geer-1/41420853/",
    "offering": "sale",
    "status": "available",
    "property_type": "house",
    "list_price": 495_000,
    "currency": "EUR",
    "monthly_fee": Decimal("164.54"),
    "listed_on": date(2026, 4, 20),
    "living_area_m2": 120.0,
    "volume_m3": 410.0,
    "rooms": 5,
    "bedrooms": 3,
    "year_built": 1922,
    "year_built_min": 1922,
    "year_built_max": 1922,
    "energy_label": "A+++",
    "postal_code": "2611DX",
    "country": "NL",
    "latitude": 52.01,
    "longitude": 4.36,
    "attributes": '{"Soort dak":"Zadeldak"}',
    "scraped_at": datetime(2026, 7, 4, 10, tzinfo=UTC),
}


def listings(*changes):
    names = {name: None for row in (GOOD, *changes) for name in row}
    rows = [names | GOOD | change for change in changes]
    frame = pl.DataFrame(rows, schema={name: CHECKER.columns[name] for name in names})
    return frame.with_row_index(ROW)


def judge(changes):
    """Return the check and the column of each reason, a set for each change.

    They are judged in one frame, because a check has a fixed cost.
    """
    found = CHECKER.check(listings(*changes)).reasons
    reasons = [set() for _ in changes]
    for row, check, column in found.select(ROW, "check", "column").iter_rows():
        reasons[row].add((check, column))
    return reasons


def checks_of(*changes):
    """Return the checks that reject a row, a set for each change."""
    return [{check for check, _ in reasons} for reasons in judge(changes)]


def warnings_of(frame):
    return set(CHECKER.warnings(frame)["check"])


def test_correct_listing_passes_without_a_warning():
    sifted = CHECKER.check(listings({}))
    assert sifted.frame.height == 1
    assert sifted.reasons.is_empty()
    assert warnings_of(listings({})) == set()


def test_listing_with_only_the_required_columns_passes():
    assert CHECKER.check(listings({}).select(ROW, *REQUIRED)).reasons.is_empty()


OPTIONAL = sorted(set(CHECKER.columns) - set(REQUIRED))


@pytest.fixture(scope="module")
def checks_of_nulls():
    """Return the checks that reject a null, by the name of its column."""
    checks = checks_of(*({name: None} for name in OPTIONAL))
    return dict(zip(OPTIONAL, checks, strict=True))


@pytest.mark.parametrize("name", OPTIONAL)
def test_missing_column_counts_as_null(checks_of_nulls, name):
    null = listings({name: None})
    lacking = null.drop(name)
    assert set(CHECKER.check(lacking).reasons["check"]) == checks_of_nulls[name]
    assert warnings_of(lacking) == warnings_of(null)


def test_only_key_url_and_scraping_time_are_required():
    required = {name for name, c in Listing.to_schema().columns.items() if c.required}
    assert required == set(REQUIRED)


IMPOSSIBLE = [
    {"source": None},
    {"source": ""},
    {"listing_id": None},
    {"url": None},
    {"url": "funda.nl/detail"},
    {"scraped_at": None},
    {"offering": "lease"},
    {"status": "Verkocht"},
    {"property_type": "castle"},
    {"list_price": 0},
    {"list_price": -1},
    {"currency": "€"},
    {"monthly_fee": Decimal("-0.01")},
    {"living_area_m2": 0.0},
    {"volume_m3": -1.0},
    {"year_built": 999},
    {"energy_label": "H"},
    {"energy_label": "A++++++"},
    {"country": "Nederland"},
    {"latitude": 91.0},
    {"attributes": "Zadeldak"},
]


@pytest.fixture(scope="module")
def impossible():
    return judge(IMPOSSIBLE)


@pytest.mark.parametrize("row", range(len(IMPOSSIBLE)), ids=map(str, IMPOSSIBLE))
def test_impossible_value_rejects_the_row(impossible, row):
    (column,) = IMPOSSIBLE[row]
    assert column in {reason_column for _, reason_column in impossible[row]}


CONTRADICTIONS = [
    ("bedrooms_within_rooms", {"rooms": 2, "bedrooms": 3}),
    ("sold_by_scraping", {"status": "sold", "sold_on": date(2026, 7, 6)}),
    ("volume_above_living_area", {"living_area_m2": 120.0, "volume_m3": 7.0}),
    ("built_by_scraping", {"year_built": 2037, "year_built_max": 2037}),
    ("years_in_order", {"year_built_min": 1944, "year_built_max": 1931}),
    ("years_in_order", {"year_built": 1900, "year_built_min": 1906}),
    ("rent_has_period", {"rent_price": 1_725}),
    ("coordinates_in_pairs", {"longitude": None}),
    ("coordinates_in_country", {"latitude": 0.0, "longitude": 0.0}),
    ("coordinates_in_country", {"latitude": 4.36, "longitude": 52.01}),
    ("dutch_postal_code", {"postal_code": "0611DX"}),
    ("dutch_postal_code", {"postal_code": "2611 DX"}),
]


@pytest.fixture(scope="module")
def contradictions():
    return judge([change for _, change in CONTRADICTIONS])


@pytest.mark.parametrize(
    "row", range(len(CONTRADICTIONS)), ids=map(str, CONTRADICTIONS)
)
def test_contradicting_columns_reject_the_row(contradictions, row):
    assert CONTRADICTIONS[row][0] in {check for check, _ in contradictions[row]}


AGREEING = [
    {"bedrooms": None},
    {"rooms": 3},
    {"status": "sold", "sold_on": date(2026, 7, 5)},
    {"volume_m3": None},
    {"year_built": None, "year_built_max": 1905, "year_built_min": None},
    {"rent_price": 20_000, "rent_period": "year"},
    {"list_price": None, "currency": None},
    {"latitude": None, "longitude": None},
    {"country": "FR", "latitude": 48.85, "longitude": 2.35, "postal_code": "75001"},
    {"country": None, "postal_code": "SW1A 1AA"},
    {"postal_code": "2611"},
]


def test_agreeing_and_missing_values_pass():
    results = zip(AGREEING, checks_of(*AGREEING), strict=True)
    assert [(change, checks) for change, checks in results if checks] == []


ODD = [
    ("listed_by_scraping", {"listed_on": date(2026, 7, 6)}),
    ("listed_before_sold", {"status": "sold", "sold_on": date(2026, 4, 19)}),
    ("sold_has_status", {"sold_on": date(2026, 6, 1)}),
    ("price_has_currency", {"currency": None}),
    ("plausible_sale_price", {"list_price": 4_999}),
    ("plausible_price_per_m2", {"list_price": 30_000}),
    ("plausible_rent", {"rent_price": 49, "rent_period": "month"}),
    ("plausible_fee", {"monthly_fee": Decimal("5000.01")}),
    ("plausible_height", {"volume_m3": 1_200.0}),
    ("plausible_living_area", {"living_area_m2": 9.0, "volume_m3": None}),
    ("plausible_room_size", {"rooms": 40}),
]


@pytest.mark.parametrize(("check", "change"), ODD, ids=str)
def test_odd_value_gives_a_warning(check, change):
    assert check in warnings_of(listings(change))


def test_odd_values_are_not_rejected():
    assert not any(checks_of(*(change for _, change in ODD)))


def test_reason_shows_only_the_contradicting_values():
    sifted = CHECKER.check(listings({}, {"rooms": 2, "bedrooms": 3}))
    (reason,) = sifted.reasons.rows(named=True)
    assert reason[ROW] == 1
    assert reason["message"] == "more bedrooms than rooms"
    assert "bedrooms" in reason["value"]
    assert "listing_id" not in reason["value"]
    assert sifted.frame[ROW].to_list() == [0]


def test_all_failed_checks_of_a_row_are_reported():
    (found,) = checks_of({"rooms": 2, "bedrooms": 3, "longitude": None})
    assert {"bedrooms_within_rooms", "coordinates_in_pairs"} <= found


def test_target_defaults_keep_values_and_order_by_scraping_time():
    target = LISTING.target_defaults
    assert target is not None
    assert target.key == ("source", "listing_id")
    assert target.newest == "scraped_at"
    assert target.on_null == "keep"
    assert {*target.key, target.newest} <= set(CHECKER.columns)


def test_docs_name_every_column_and_every_check():
    docs = Path(__file__).resolve().parents[3] / "docs" / "listing.md"
    text = docs.read_text(encoding="utf-8")
    errors, warnings = text.split("## Errors")[1].split("## Warnings")
    named = set(re.findall(r"`(\w+)`", text))
    assert set(CHECKER.columns) <= named
    for check in Listing.to_schema().checks:
        assert f"| `{check.name}` |" in (warnings if check.raise_warning else errors)


def test_checks_have_distinct_names_and_known_columns():
    checks = Listing.to_schema().checks
    named = {column for check in checks for column in check.statistics["columns"]}
    assert named <= set(CHECKER.columns)
    assert len({check.name for check in checks}) == len(checks)
