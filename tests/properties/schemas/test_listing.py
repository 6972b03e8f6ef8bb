"""A place is refused exactly where it is outside its country's box."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.prepare.checks.validation import load_schema
from propload.schemas.listing import COUNTRY_BOXES

CHECKER = load_schema("propload.schemas.listing:LISTING")
GOOD = {
    "source": "funda",
    "listing_id": "41420853",
    "url": "https://www.funda.nl/detail/koop/delft/huis-lange-geer-1/41420853/",
    "scraped_at": datetime(2026, 7, 4, 10, tzinfo=UTC),
}


def listings(*changes):
    rows = [GOOD | change for change in changes]
    names = rows[0]
    frame = pl.DataFrame(rows, schema={name: CHECKER.columns[name] for name in names})
    return frame.with_row_index(ROW)


# one frame of many places, because a check has a fixed cost
@settings(max_examples=10)
@given(country=st.sampled_from(sorted(COUNTRY_BOXES)), data=st.data())
def test_places_within_a_countrys_box_pass_and_no_others(country, data):
    south, north, west, east = COUNTRY_BOXES[country]
    points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
    inside = st.tuples(st.floats(south, north), st.floats(west, east))
    places = data.draw(st.lists(points | inside, min_size=1, max_size=50))
    frame = listings(
        *({"country": country, "latitude": y, "longitude": x} for y, x in places)
    )
    refused = set(CHECKER.check(frame).reasons[ROW])
    assert refused == {
        row
        for row, (y, x) in enumerate(places)
        if not (south <= y <= north and west <= x <= east)
    }
