"""Rows that are refused, and what their reasons say."""

from __future__ import annotations

import pytest

from propload.errors import SchemaMismatchError
from tests.unit.spiders.mapping.listings import (
    URL,
    apply,
    judged_together,
    listing,
    refusal,
)


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
