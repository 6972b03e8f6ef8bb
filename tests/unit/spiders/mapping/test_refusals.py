"""Rows that are refused, and what their reasons say."""

from __future__ import annotations

import pytest

from propload.errors import SchemaMismatchError
from tests.unit.spiders.mapping.listings import (
    URL,
    apply,
    judged_together,
    listing,
)


def test_without_a_time_of_reading_a_row_is_refused():
    sifted = apply({"url": URL}, as_of=None)
    assert sifted.frame.is_empty()
    assert "--as-of" in sifted.reasons["message"][0]
    reason = refusal((("scraped_at", "laatst"),))
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


#: Addresses that say nothing of a listing, and what a message says of them.
LOST = [
    (None, URL, "stands in column 'Ja'"),
    (None, "Nee", "nothing says which listing"),
    (URL[:-16], "Nee", "cut short"),
]
SHIFTED = (("3 kamers (2 slaapkamers)", "Aantal badkamers"), ("7 m²", "Gelegen op"))
#: Each is a row of one frame, which has a fixed cost.
CASES = (
    (("scraped_at", "laatst"),),
    *(((column, raw),) for column, raw, _ in UNREADABLE),
    *((("url", url), ("Ja", cell), ("Status", "Beschikbaar")) for url, cell, _ in LOST),
    SHIFTED,
)


def refusal(case):
    row, reason = judged_together(CASES)[case]
    assert row is None
    return reason


@pytest.mark.parametrize(("column", "raw", "target"), UNREADABLE)
def test_a_text_that_cannot_be_read_refuses_the_row(column, raw, target):
    reason = refusal(((column, raw),))
    assert reason["stage"] == "map"
    assert (reason["column"], reason["check"]) == (target, "parse")
    assert reason["value"] == raw
    assert f"'{column}' holds '{raw}'" in reason["message"]


@pytest.mark.parametrize(("url", "cell", "told"), LOST)
def test_a_row_without_an_address_tells_where_the_address_went(url, cell, told):
    reason = refusal((("url", url), ("Ja", cell), ("Status", "Beschikbaar")))
    assert told in reason["message"]


def test_cells_that_hold_labels_refuse_the_row():
    reason = refusal(SHIFTED)
    assert reason["check"] == "misplaced"
    assert "'Aantal badkamers'" in reason["message"]
    assert "wrong columns" in reason["message"]


def test_one_cell_that_reads_like_a_label_is_a_text():
    assert listing(Heating="Energielabel")["attributes"] == '{"Heating":"Energielabel"}'


def test_a_file_of_something_else_is_refused_as_a_whole():
    complaint = "finds no column of the listings'"
    with pytest.raises(SchemaMismatchError, match=complaint) as caught:
        apply({"sepal_length": "5.1", "species": "setosa"})
    # the number of a row is none of the file's columns
    assert "among 2 columns: sepal_length, species. Give" in str(caught.value)
