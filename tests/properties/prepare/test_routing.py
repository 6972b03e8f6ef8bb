"""Lanes: the same for a key whatever stands beside it."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import ROW, Deduped
from propload.prepare.routing import lane_of, route
from tests.unit.prepare.lanes import frame_of, routed_layers

QUICK = settings(max_examples=25)
IDS = st.lists(st.text(max_size=40), min_size=1, max_size=20, unique=True)


@QUICK
@given(IDS, st.integers(1, 8))
def test_a_key_has_one_lane_whatever_the_batch(ids, lanes):
    frame = frame_of(id=ids)
    together = lane_of(frame, ["id"], lanes).to_list()
    alone = [lane_of(frame_of(id=[one]), ["id"], lanes)[0] for one in ids]
    assert together == alone
    assert all(0 <= lane < lanes for lane in together)


@QUICK
@given(IDS, st.text(max_size=40), st.integers(1, 8))
def test_a_key_has_one_lane_beside_keys_that_share_a_value(ids, source, lanes):
    frame = frame_of(source=[source] * len(ids), id=ids)
    together = lane_of(frame, ["source", "id"], lanes).to_list()
    alone = [lane_of(row, ["source", "id"], lanes)[0] for row in frame.iter_slices(1)]
    assert together == alone


@QUICK
@given(IDS, st.integers(1, 5))
def test_every_row_goes_to_one_lane_in_its_order(ids, lanes):
    frame = frame_of(id=sorted(ids))
    routed = routed_layers((frame,), key=["id"], lanes=lanes)
    assert len(routed) == lanes
    rows = [row for (layer,) in routed for row in layer[ROW].to_list()]
    assert sorted(rows) == list(range(frame.height))
    for (layer,) in routed:
        assert layer[ROW].is_sorted()


@QUICK
@given(IDS, st.integers(1, 5))
def test_versions_go_where_their_key_goes(ids, lanes):
    kept, lost = frame_of(id=sorted(ids)), frame_of(id=sorted(ids))
    lost = lost.with_columns(pl.col(ROW) + kept.height)
    routed = route(Deduped((kept,), kept.vstack(lost)), key=["id"], lanes=lanes)
    assert sum(rows.duplicates for rows in routed) == len(ids)
    for rows in routed:
        (layer,) = rows.layers
        assert rows.duplicates == layer.height
        if lanes > 1:
            assert rows.versions["id"].to_list() == layer["id"].to_list() * 2
