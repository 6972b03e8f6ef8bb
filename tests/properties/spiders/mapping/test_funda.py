"""Rows of any values are listings or have a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.prepare.mapping import MapContext
from propload_spiders.mapping import FUNDA

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
@settings(deadline=None, max_examples=8)
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
