from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache

import polars as pl
import pytest

from propload.batch import REASONS, ROW
from propload.errors import SchemaMismatchError
from propload.prepare.mapping import MapContext, load_mapping
from propload.prepare.validation import load_schema
from propload_spiders.items import ListingItem
from propload_spiders.mapping import FUNDA
from propload_spiders.mapping.names import GENERAL, SYNONYMS, plain, recognise

AS_OF = datetime(2022, 4, 8, 12, tzinfo=UTC)
URL = "https://www.funda.nl/en/koop/delft/appartement-42638761-lange-geer-1-a/"
LISTING = load_schema("propload.schemas.listing:LISTING").columns
MADE = pl.Schema({ROW: pl.UInt32(), **LISTING})
NEEDED = {"url": URL, "scraped_at": "2026-07-04T10:00:00.000000+00:00"}


def apply(*rows, as_of=AS_OF):
    frame = pl.from_dicts(list(rows), infer_schema_length=None)
    return FUNDA.apply(frame, MapContext(as_of=as_of, source="here"))


def listings(*cells):
    """Return a row for each dict, all of one frame: a frame has a fixed cost."""
    sifted = apply(*({"url": URL} | one for one in cells))
    assert sifted.reasons.is_empty(), sifted.reasons["message"].to_list()
    return sifted.frame.rows(named=True)


def listing(**cells):
    (row,) = listings(cells)
    return row


def refusal(**cells):
    sifted = apply({"url": URL} | cells)
    assert sifted.frame.is_empty()
    (reason,) = sifted.reasons.rows(named=True)
    return reason


@cache
def judged_together(cases):
    """Return what becomes of each case, a row of one frame.

    Args:
        cases: Each the columns and texts of a row, as pairs; it has nothing else.
    """
    sifted = apply(*({"url": URL} | dict(cells) for cells in cases))
    good = {row[ROW]: row for row in sifted.frame.rows(named=True)}
    bad = {reason[ROW]: reason for reason in sifted.reasons.rows(named=True)}
    assert len(good) + sifted.reasons.height == len(cases)
    return {case: (good.get(n), bad.get(n)) for n, case in enumerate(cases)}


def item(**texts):
    key = {"source": "funda", "listing_id": "42638761", "page": "detail"}
    return asdict(ListingItem(**(key | NEEDED | texts)))


def test_the_columns_are_those_of_the_listing():
    made = apply({"url": URL}).frame
    assert list(made.schema.items()) == list(MADE.items())


def test_every_field_of_an_item_is_known():
    names = [field.name for field in fields(ListingItem)]
    assert set(recognise(names)) == set(names)
    assert set(names) <= set(SYNONYMS)


def test_no_name_stands_for_two_fields():
    both = {**SYNONYMS, **GENERAL}
    named = [name for f, names in both.items() for name in {*map(plain, (f, *names))}]
    assert sorted(named) == sorted(set(named))


def test_it_is_loaded_like_any_mapping():
    assert load_mapping("propload_spiders.mapping:FUNDA") is FUNDA


def test_an_item_of_a_search_page():
    sifted = apply(
        item(
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
        ),
        as_of=None,
    )
    assert sifted.reasons.is_empty()
    row = sifted.frame.row(0, named=True)
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {
        ROW: 0,
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


def test_an_item_of_a_sold_page():
    features = '{"overdracht-looptijd":"4 weken","bouw-soortdak":"Plat dak"}'
    sold = "https://www.funda.nl/detail/koop/verkocht/delft/huis-geer-1/42638761/"
    row = apply(
        item(
            url=sold,
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
            features=features,
        )
    ).frame.row(0, named=True)
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
    assert json.loads(row["attributes"]) == json.loads(features) | {
        "bathrooms_text": "1 badkamer en 1 apart toilet"
    }


def test_an_item_of_a_page_that_is_gone_says_only_that():
    row = apply(item(page="gone", status_text="withdrawn")).frame.row(0, named=True)
    assert row["status"] == "withdrawn"
    assert row["list_price"] is None
    assert row["attributes"] is None


def test_rent_has_its_own_price_and_period():
    row = apply(
        item(offering="rent", rent_text="2110", rent_condition_text="per_month"),
        item(rent_text="€ 1.200 per jaar"),
        item(url=URL.replace("koop", "huur"), price_text="€ 1.725 per maand"),
    ).frame
    assert row["rent_price"].to_list() == [2_110, 1_200, 1_725]
    assert row["rent_period"].to_list() == ["month", "year", "month"]
    assert row["list_price"].null_count() == 3


def test_rent_without_a_period_is_left_to_the_check():
    row = listing(offering="rent", price="1725")
    assert (row["rent_price"], row["rent_period"]) == (1_725, None)


PRICES = [
    (("Vraagprijs", "€ 400.000 k.k."),),
    (("ASKING PRICE", "€ 400,000"),),
    (("asking_price", "400000"),),
    (("list_price", "400000"),),
    (("Price", "1"), ("Vraagprijs", "€ 400.000 k.k.")),
    (("Price", "€ 400.000"), ("Vraagprijs", None)),
    (("Price", "€ 400.000"), ("Vraagprijs", "-")),
]


@pytest.mark.parametrize("cells", PRICES, ids=str)
def test_a_price_is_found_under_many_names(cells):
    row, _ = judged_together(tuple(PRICES))[cells]
    assert row["list_price"] == 400_000


def test_a_price_may_be_a_number():
    rows = listings({"price": 400_000}, {"Price": 400_000.0})
    assert [row["list_price"] for row in rows] == [400_000] * 2


def test_an_area_is_found_under_many_names():
    names = ["Wonen", "Living area", "floor_area"]
    rows = listings(*({name: "59 m²"} for name in names))
    assert [row["living_area_m2"] for row in rows] == [59.0] * len(names)
    # a general name gives way to these
    assert listing(Area="59 m²")["living_area_m2"] == 59.0


def test_a_general_name_gives_way_to_the_pages_own():
    rows = apply(
        {"url": URL, "Wonen": "59 m²", "Oppervlakte": "285 m²"},
        {"url": URL, "Wonen": None, "Oppervlakte": "285 m²"},
        {"url": URL, "Wonen": None, "Oppervlakte": "70 m² wonen / 90 m² perceel"},
    ).frame
    assert rows["living_area_m2"].to_list() == [59.0, None, 70.0]
    assert rows["plot_area_m2"].to_list() == [None, None, 90.0]


def test_floats_of_a_typed_file_are_not_thousands():
    row = listing(latitude=52.011, longitude=4.357, living_area=1.234)
    assert (row["latitude"], row["longitude"]) == (52.011, 4.357)
    assert row["living_area_m2"] == 1.234


def test_typed_moments_and_lists_are_read():
    row = listing(
        scraped_at=datetime(2026, 7, 4, 12, tzinfo=UTC),
        listed_on=date(2026, 7, 1),
        floor_area=[59],
        number_of_rooms=[3, 4],
    )
    assert row["scraped_at"] == datetime(2026, 7, 4, 12, tzinfo=UTC)
    assert row["listed_on"] == date(2026, 7, 1)
    assert row["living_area_m2"] == 59.0
    assert row["rooms"] is None
    assert json.loads(row["attributes"]) == {"number_of_rooms": "[3,4]"}


def test_a_row_keeps_its_number():
    frame = pl.DataFrame({"url": [URL, None, URL]}).with_row_index(ROW, offset=7)
    sifted = FUNDA.apply(frame, MapContext(as_of=AS_OF))
    assert sifted.frame[ROW].to_list() == [7, 9]
    assert sifted.reasons[ROW].to_list() == [8]
    assert sifted.reasons.schema == REASONS


def test_as_of_stands_in_for_the_time_of_reading():
    row = listing(**{"Aangeboden sinds": "3 weken"})
    assert row["scraped_at"] == AS_OF
    assert row["listed_on"] == date(2022, 3, 18)


def test_as_of_may_be_in_any_zone():
    amsterdam = datetime(2022, 4, 8, 14, tzinfo=timezone(timedelta(hours=2)))
    assert apply({"url": URL}, as_of=amsterdam).frame["scraped_at"][0] == AS_OF


def test_without_a_time_of_reading_a_row_is_refused():
    sifted = apply({"url": URL}, as_of=None)
    assert sifted.frame.is_empty()
    assert "--as-of" in sifted.reasons["message"][0]
    reason = refusal(scraped_at="laatst")
    assert (reason["column"], reason["value"]) == ("scraped_at", "laatst")


UNREADABLE = [
    ("Asking price", "3 rooms (2 bedrooms)", "list_price"),
    ("Asking price", "59 m²", "list_price"),
    ("Vraagprijs", "€ 4 ton", "list_price"),
    ("Huurprijs", "veel", "rent_price"),
    ("Living area", "218 m³", "living_area_m2"),
    ("Perceel", "Achtertuin", "plot_area_m2"),
    ("Inhoud", "Zadeldak", "volume_m3"),
    ("Aantal kamers", "91 m²", "rooms"),
    ("bedrooms", "veel", "bedrooms"),
    ("Bouwjaar", "Plat dak", "year_built"),
    ("Energielabel", "Dubbel glas", "energy_label"),
    ("Aangeboden sinds", "Beschikbaar", "listed_on"),
    ("Bijdrage VvE", "In overleg", "monthly_fee"),
    ("Postcode", "DX2611", "postal_code"),
    ("lat", "52,1", "latitude"),
    ("country", "Utopia", "country"),
]


@pytest.mark.parametrize(("column", "raw", "target"), UNREADABLE)
def test_a_text_that_cannot_be_read_refuses_the_row(column, raw, target):
    cases = tuple(((column, raw),) for column, raw, _ in UNREADABLE)
    row, reason = judged_together(cases)[((column, raw),)]
    assert row is None
    assert reason["stage"] == "map"
    assert (reason["column"], reason["check"]) == (target, "parse")
    assert reason["value"] == raw
    assert f"'{column}' holds '{raw}'" in reason["message"]


SILENT = [
    ("Asking price", "Price on request", "list_price"),
    ("Asking price", "Price on request (auction: <[veilingsdatum]>)", "list_price"),
    ("Asking price", "Sale by tender", "list_price"),
    ("Vraagprijs", "Prijs op aanvraag", "list_price"),
    ("Vraagprijs", "€ 300.000 - € 350.000", "list_price"),
    ("price", "[300000, 350000]", "list_price"),
    ("price", "0", "list_price"),
    ("Vraagprijs", "€ 8.390 per m²", "list_price"),
    ("Huurprijs", "€ 100 per m² per jaar", "rent_price"),
    ("Bijdrage VvE", "€ 2,50 per m²", "monthly_fee"),
    ("Aangeboden sinds", "Log in om te bekijken", "listed_on"),
    ("Aangeboden sinds", "6+ maanden", "listed_on"),
    ("Listed since", "2", "listed_on"),
    ("Inhoud", "7 m²", "volume_m3"),
    ("Living area", "0", "living_area_m2"),
    ("Aantal badkamers", "1 apart toilet", "bathrooms"),
    ("Energielabel", "Niet verplicht", "energy_label"),
    ("Energielabel", "Voorlopig D", "energy_label"),
    ("Energy label", "Not available", "energy_label"),
    ("Bouwjaar", "Onbekend", "year_built"),
    ("Bouwjaar", "Circa 1920", "year_built"),
    ("Soort bouw", "Verbouw", "is_new_construction"),
    ("VVE contribution", "Nee", "monthly_fee"),
]


@pytest.mark.parametrize(("column", "text", "target"), SILENT)
def test_a_text_that_says_nothing_is_null_and_kept(column, text, target):
    cases = tuple(((column, text),) for column, text, _ in SILENT)
    row, _ = judged_together(cases)[((column, text),)]
    assert row[target] is None
    assert json.loads(row["attributes"]) == {column: text}


def test_null_words_are_null_and_not_kept():
    words = ("-", "", "  ", "n/a", "NaN", "\u2013")
    names = ("Vraagprijs", "Wonen", "Soort dak")
    rows = [dict.fromkeys(names, word) | {"url": URL} for word in words]
    sifted = apply(*rows)
    assert sifted.reasons.is_empty()
    assert sifted.frame["list_price"].to_list() == [None] * len(words)
    assert sifted.frame["attributes"].to_list() == [None] * len(words)


def test_what_has_no_column_goes_to_the_attributes():
    row = listing(
        **{
            "Soort dak": 'Plat "dak"',
            "Waarde\\m²": "1\n2",
            "": "0",
            "Price": "1",
            "Vraagprijs": "€ 2",
        }
    )
    assert json.loads(row["attributes"]) == {
        "Soort dak": 'Plat "dak"',
        "Waarde\\m²": "1 2",
        "Price": "1",
    }


def test_a_place_where_a_geocoder_found_nothing_is_none():
    row = listing(latitude="0.0", longitude="0.0")
    assert (row["latitude"], row["longitude"]) == (None, None)


def test_a_row_without_an_address_tells_where_the_address_went():
    sifted = apply(
        {"url": None, "Ja": URL, "Status": "Beschikbaar"},
        {"url": None, "Ja": "Nee", "Status": "Beschikbaar"},
        {"url": URL[:-16], "Ja": "Nee", "Status": "Beschikbaar"},
    )
    assert sifted.frame.is_empty()
    messages = sifted.reasons["message"].to_list()
    assert "stands in column 'Ja'" in messages[0]
    assert "nothing says which listing" in messages[1]
    assert "cut short" in messages[2]


def test_a_line_of_no_address_stays_a_text():
    lines = ("Villa Rood (Bouwnr. 4)", "Lange Geer", "Lange Geer 1 a")
    row, *others = listings(*({"Adres": line} for line in lines))
    assert row["street"] is None
    assert row["attributes"] == '{"Adres":"Villa Rood (Bouwnr. 4)"}'
    assert [other["attributes"] for other in others] == [None, None]


def test_a_payloads_street_says_where_the_line_of_a_detail_page_is_split():
    of_search = ListingItem(
        "funda", "42638761", URL, NEEDED["scraped_at"], "search",
        street="Baan 66", house_number="5",
    )  # fmt: skip
    of_detail = replace(of_search, street=None, house_number=None, page="detail")
    joined = replace(of_detail, address_text="Baan 66 5").over(of_search)
    row = apply(asdict(joined)).frame.row(0, named=True)
    assert (row["street"], row["house_number"]) == ("Baan 66", "5")
    assert row["house_number_suffix"] is None


def test_cells_that_hold_labels_refuse_the_row():
    shifted = {"3 kamers (2 slaapkamers)": "Aantal badkamers", "7 m²": "Gelegen op"}
    reason = refusal(**shifted)
    assert reason["check"] == "misplaced"
    assert "'Aantal badkamers'" in reason["message"]
    assert "wrong columns" in reason["message"]


def test_one_cell_that_reads_like_a_label_is_a_text():
    assert listing(Heating="Energielabel")["attributes"] == '{"Heating":"Energielabel"}'


def test_a_file_of_something_else_is_refused_as_a_whole():
    with pytest.raises(SchemaMismatchError, match="finds no column of the listings'"):
        apply({"sepal_length": "5.1", "species": "setosa"})


def test_a_relative_address_is_the_sites():
    row = listing(url="/detail/koop/delft/huis-geer-1/42638761/")
    assert row["url"] == "https://www.funda.nl/detail/koop/delft/huis-geer-1/42638761/"


def test_no_rows_give_no_rows():
    frame = pl.DataFrame({"url": [], "Vraagprijs": []}, schema=["url", "Vraagprijs"])
    sifted = FUNDA.apply(frame, MapContext(as_of=AS_OF))
    assert sifted.frame.is_empty()
    assert sifted.frame.schema == MADE


SALES = [
    "€ 495.000 k.k. (€ 5.000/m²)",
    "€ 495.000 (€ 5.000/m²)",
    "€ 495.000 (servicekosten € 150 per maand)",
    "€ 495.000 k.k. (servicekosten € 150 p/m)",
]


@pytest.mark.parametrize("price", SALES)
def test_the_price_of_a_sale_stays_one_whatever_stands_in_brackets(price):
    cases = tuple((("price", text),) for text in SALES)
    row, reason = judged_together(cases)[(("price", price),)]
    assert reason is None
    assert (row["list_price"], row["rent_price"]) == (495000, None)
    assert (row["rent_period"], row["offering"]) == (None, "sale")


def test_a_price_of_zero_is_none():
    texts = ("€ 0,-", "€ 0,- k.k.", "0,00", "€ 0 per maand")
    for text, row in zip(texts, listings(*({"price": t} for t in texts)), strict=True):
        assert (row["list_price"], row["rent_price"]) == (None, None)
        assert json.loads(row["attributes"]) == {"price": text}


def test_a_span_of_bedrooms_is_no_number_and_is_kept():
    row = listing(**{"Aantal kamers": "3 kamers (2-3 slaapkamers)"})
    assert (row["rooms"], row["bedrooms"]) == (3, None)
    kept = {"Aantal kamers": "3 kamers (2-3 slaapkamers)"}
    assert json.loads(row["attributes"]) == kept


@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_name_stands_twice_in_the_attributes(ascii_only):
    name = 'Kelder (m²) "x"'
    told = json.dumps({"Balkon": "ja", name: "4"}, ensure_ascii=ascii_only)
    row = listing(features=told, **{"Balkon": "nee", name: "5", "Dak": "plat"})
    pairs = json.loads(row["attributes"], object_pairs_hook=list)
    assert len(pairs) == 5
    assert dict(pairs) == {
        "Balkon": "ja",
        "Balkon (column)": "nee",
        "Dak": "plat",
        name: "4",
        f"{name} (column)": "5",
    }


COLUMNS = ["Vraagprijs", "Huurprijs", "Wonen", "Inhoud", "Aantal kamers", "Bouwjaar"]
COLUMNS += ["Energielabel", "Aangeboden sinds", "Status", "Name", "Soort dak"]
