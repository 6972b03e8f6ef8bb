"""Cells without a column, or without a value for their column, become attributes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.unit.spiders.mapping.listings import MappedTogether, listing

VALUELESS = [
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


TEXTS = MappedTogether()
VALUELESS_ROWS = {
    (column, text): TEXTS.of(**{column: text}) for column, text, _ in VALUELESS
}


@pytest.mark.parametrize(("column", "text", "target"), VALUELESS)
def test_text_without_a_value_is_null_and_kept_as_attribute(column, text, target):
    row = VALUELESS_ROWS[column, text]()
    assert row[target] is None
    assert json.loads(row["attributes"]) == {column: text}


NULL_WORDS = {
    word: TEXTS.of(**dict.fromkeys(("Vraagprijs", "Wonen", "Soort dak"), word))
    for word in ("-", "", "  ", "n/a", "NaN", "\u2013")
}


def test_null_words_are_null_and_no_attributes():
    rows = {word: row() for word, row in NULL_WORDS.items()}
    assert {word: row["list_price"] for word, row in rows.items()} == (
        dict.fromkeys(NULL_WORDS)
    )
    assert {word: row["attributes"] for word, row in rows.items()} == (
        dict.fromkeys(NULL_WORDS)
    )


WITHOUT_COLUMN = TEXTS.of(
    **{
        "Soort dak": 'Plat "dak"',
        "Waarde\\m²": "1\n2",
        "": "0",
        "Price": "1",
        "Vraagprijs": "€ 2",
    }
)


def test_cells_without_a_column_become_attributes():
    row = WITHOUT_COLUMN()
    assert json.loads(row["attributes"]) == {
        "Soort dak": 'Plat "dak"',
        "Waarde\\m²": "1 2",
        "Price": "1",
    }


FREE = {
    text: TEXTS.of(price=text)
    for text in ("€ 0,-", "€ 0,- k.k.", "0,00", "€ 0 per maand")
}


def test_price_of_zero_is_null_and_kept_as_attribute():
    for text, mapped in FREE.items():
        row = mapped()
        assert (row["list_price"], row["rent_price"]) == (None, None)
        assert json.loads(row["attributes"]) == {"price": text}


BEDROOM_RANGE = TEXTS.of(**{"Aantal kamers": "3 kamers (2-3 slaapkamers)"})


def test_range_of_bedrooms_is_null_and_kept_as_attribute():
    row = BEDROOM_RANGE()
    assert (row["rooms"], row["bedrooms"]) == (3, None)
    kept = {"Aantal kamers": "3 kamers (2-3 slaapkamers)"}
    assert json.loads(row["attributes"]) == kept


NAME = 'Kelder (m²) "x"'
REPEATED = {
    ascii_only: TEXTS.of(
        features=json.dumps({"Balkon": "ja", NAME: "4"}, ensure_ascii=ascii_only),
        **{"Balkon": "nee", NAME: "5", "Dak": "plat"},
    )
    for ascii_only in (False, True)
}


@pytest.mark.parametrize("ascii_only", REPEATED)
def test_repeated_name_gets_a_suffix_in_the_attributes(ascii_only):
    row = REPEATED[ascii_only]()
    pairs = json.loads(row["attributes"], object_pairs_hook=list)
    assert len(pairs) == 5
    assert dict(pairs) == {
        "Balkon": "ja",
        "Balkon (column)": "nee",
        "Dak": "plat",
        NAME: "4",
        f"{NAME} (column)": "5",
    }


def test_columns_may_have_any_name():
    cells = {name: f"a {name}" for name in ("value", "column", "told", "labels")}
    assert json.loads(listing(**cells)["attributes"]) == cells


def test_cells_of_any_type_become_texts():
    row = listing(shape=b"\xff\x01", span=timedelta(hours=2))
    assert json.loads(row["attributes"]) == {"shape": "\\xff01", "span": "PT2H0M0S"}
