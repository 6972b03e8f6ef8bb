"""Fields are recognized by the column names that files use."""

from __future__ import annotations

from dataclasses import fields

import pytest

from propload_spiders.items import ListingItem
from propload_spiders.mapping.names import GENERAL, SYNONYMS, normalize_name, recognise
from propload_spiders.vocabulary import words_of
from tests.unit.spiders.mapping.listings import MappedTogether, listing


def test_every_field_of_an_item_is_recognized():
    names = [field.name for field in fields(ListingItem)]
    assert set(recognise(names)) == set(names)
    assert set(names) <= set(SYNONYMS)


def test_no_name_means_two_fields():
    both = {**SYNONYMS, **GENERAL}
    names_by_field = [
        {normalize_name(f), *map(normalize_name, words_of(names))}
        for f, names in both.items()
    ]
    all_names = [name for names in names_by_field for name in names]
    assert sorted(all_names) == sorted(set(all_names))


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Asking price (EUR)", "price_text"),
        ("Plot", "plot_area_text"),
        ("Plot size m²", "plot_area_text"),
        ("lot_size_m2", "plot_area_text"),
        ("Living area (sqm)", "living_area_text"),
        ("Build year", "year_built_text"),
        ("Listing status", "status_text"),
        ("Estate agent", "agent_name"),
        ("realtor", "agent_name"),
    ],
)
def test_column_names_of_other_files_are_recognized(column, field):
    assert recognise([column]) == {field: (column,)}


PRICES = [
    (("Vraagprijs", "€ 400.000 k.k."),),
    (("ASKING PRICE", "€ 400,000"),),
    (("asking_price", "400000"),),
    (("list_price", "400000"),),
    (("Price", "1"), ("Vraagprijs", "€ 400.000 k.k.")),
    (("Price", "€ 400.000"), ("Vraagprijs", None)),
    (("Price", "€ 400.000"), ("Vraagprijs", "-")),
]


TEXTS = MappedTogether()
PRICED = {cells: TEXTS.of(**dict(cells)) for cells in PRICES}


@pytest.mark.parametrize("cells", PRICES, ids=str)
def test_price_is_found_under_many_names(cells):
    assert PRICED[cells]()["list_price"] == 400_000


MEASURED = [
    TEXTS.of(**{name: "59 m²"}) for name in ("Wonen", "Living area", "floor_area")
]


def test_area_is_found_under_many_names():
    assert [row()["living_area_m2"] for row in MEASURED] == [59.0] * len(MEASURED)
    # a general name is used only without these
    assert listing(Area="59 m²")["living_area_m2"] == 59.0


BOTH = [
    TEXTS.of(Wonen="59 m²", Oppervlakte="285 m²"),
    TEXTS.of(Wonen=None, Oppervlakte="285 m²"),
    TEXTS.of(Wonen=None, Oppervlakte="70 m² wonen / 90 m² perceel"),
]


def test_specific_name_is_preferred_to_a_general_one():
    rows = [row() for row in BOTH]
    assert [row["living_area_m2"] for row in rows] == [59.0, None, 70.0]
    assert [row["plot_area_m2"] for row in rows] == [None, None, 90.0]
