"""Rows that are rejected, and what their reasons say."""

from __future__ import annotations

import pytest

from propload.errors import SchemaMismatchError
from tests.unit.spiders.mapping.listings import (
    URL,
    apply,
    cases_mapped,
    listing,
)


def test_row_without_a_time_of_scraping_is_rejected():
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


#: URLs without a listing, and what the message says about them.
WITHOUT_LISTING = [
    (None, URL, "stands in column 'Ja'"),
    (None, "Nee", "nothing says which listing"),
    (URL[:-16], "Nee", "cut short"),
]
SHIFTED_CELLS = (
    ("3 kamers (2 slaapkamers)", "Aantal badkamers"),
    ("7 m²", "Gelegen op"),
)
#: All are rows of one frame, which has a fixed cost.
CASES = (
    (("scraped_at", "laatst"),),
    *(((column, raw),) for column, raw, _ in UNREADABLE),
    *(
        (("url", url), ("Ja", cell), ("Status", "Beschikbaar"))
        for url, cell, _ in WITHOUT_LISTING
    ),
    SHIFTED_CELLS,
)


def refusal(case):
    row, reason = cases_mapped(CASES)[case]
    assert row is None
    return reason


@pytest.mark.parametrize(("column", "raw", "target"), UNREADABLE)
def test_unreadable_text_rejects_its_row(column, raw, target):
    reason = refusal(((column, raw),))
    assert reason["stage"] == "map"
    assert (reason["column"], reason["check"]) == (target, "parse")
    assert reason["value"] == raw
    assert f"'{column}' holds '{raw}'" in reason["message"]


@pytest.mark.parametrize(("url", "cell", "expected"), WITHOUT_LISTING)
def test_message_says_where_the_missing_url_may_be(url, cell, expected):
    reason = refusal((("url", url), ("Ja", cell), ("Status", "Beschikbaar")))
    assert expected in reason["message"]


def test_cells_that_hold_labels_reject_the_row():
    reason = refusal(SHIFTED_CELLS)
    assert reason["check"] == "misplaced"
    assert "'Aantal badkamers'" in reason["message"]
    assert "wrong columns" in reason["message"]


def test_single_cell_that_reads_like_a_label_is_a_text():
    assert listing(Heating="Energielabel")["attributes"] == '{"Heating":"Energielabel"}'


def test_file_without_columns_of_listings_is_refused():
    complaint = "finds no column of the listings'"
    with pytest.raises(SchemaMismatchError, match=complaint) as caught:
        apply({"sepal_length": "5.1", "species": "setosa"})
    # the row number is not listed among the columns of the file
    assert "among 2 columns: sepal_length, species. Give" in str(caught.value)
