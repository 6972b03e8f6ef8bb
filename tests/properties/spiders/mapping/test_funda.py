"""Rows of any values are listings or have a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.prepare.mapping import MapContext
from propload_spiders.mapping import FUNDA, funda

AS_OF = datetime(2022, 4, 8, 12, tzinfo=UTC)
URL = "https://www.funda.nl/en/koop/delft/appartement-42638761-lange-geer-1-a/"


CELLS = (
    st.none()
    | st.sampled_from(
        [
            "€ 400.000 k.k.",
            "€ 1.725 per maand",
            "91 m²",
            "218 m³",
            "3 kamers (2 slaapkamers)",
            "Voor 1906",
            "6+ maanden",
            "A Wat betekent dit?",
            "Aantal kamers",
            "-",
            URL,
        ]
    )
    | st.text(max_size=12)
)
COLUMNS = ["Vraagprijs", "Huurprijs", "Wonen", "Inhoud", "Aantal kamers", "Bouwjaar"]


# more rows instead of more frames, because a frame has a fixed cost
@settings(max_examples=8)
@given(
    st.lists(
        st.fixed_dictionaries(dict.fromkeys([*COLUMNS, "url"], CELLS)),
        min_size=1,
        max_size=20,
    )
)
def test_every_row_is_a_listing_or_has_a_reason(rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys([*COLUMNS, "url"], pl.String))
    sifted = FUNDA.apply(frame, MapContext(as_of=AS_OF))
    listed, refused = set(sifted.frame[ROW]), set(sifted.reasons[ROW])
    assert listed | refused == set(range(len(rows)))
    assert not listed & refused
    for text in sifted.frame["attributes"].drop_nulls():
        json.loads(text)


# a value of each kind in most rows, so that rules have texts to read
READ = {
    "Vraagprijs": st.sampled_from(["€ 400.000 k.k.", "400000", "€ 1 ton", None]),
    "Wonen": st.sampled_from(["91 m²", "0,5 ha", "no", None]),
    "Bouwjaar": st.sampled_from(["1922", "Voor 1906", "?", None]),
    "Aangeboden sinds": st.sampled_from(["3 weken", "20 april 2026", "x", None]),
    "Postcode": st.sampled_from(["2611 DX", "x", None]),
    "land": st.sampled_from(["NL", "Belgie", None]),
    "url": st.just(URL),
}


@settings(max_examples=8)
@given(st.lists(st.fixed_dictionaries(READ), min_size=1, max_size=20))
def test_few_rows_are_read_as_many_are(rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys(READ, pl.String))
    made = []
    for few in (0, len(rows)):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(funda, "FEW_ROWS", few)
            made.append(FUNDA.apply(frame, MapContext(as_of=AS_OF)))
    many, few = made
    assert many.frame.equals(few.frame)
    assert many.reasons.equals(few.reasons)
