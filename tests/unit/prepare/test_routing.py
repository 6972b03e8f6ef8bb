"""Routing to lanes: a key always takes the same lane, whatever other rows there are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from propload.errors import SchemaMismatchError
from propload.prepare.routing import lane_of
from tests.unit.prepare.lanes import frame_of, routed_layers


def test_lanes_do_not_change_between_versions():
    """A resumed run must send each row to the lane of the first attempt."""
    frame = frame_of(
        text=["", "a", "funda", "https://example.org/listing/12345678/", "é" * 300],
        number=[0, 1, -1, 2**62, 12345678],
        day=[dt.date(2024, 1, day) for day in range(1, 6)],
    )
    assert lane_of(frame, ["text"], 1000).to_list() == LANES["text"]
    assert lane_of(frame, ["number"], 1000).to_list() == LANES["number"]
    assert lane_of(frame, ["day", "text"], 1000).to_list() == LANES["day, text"]


LANES = {
    "text": [0, 678, 531, 787, 242],
    "number": [0, 789, 67, 525, 68],
    "day, text": [70, 628, 84, 43, 101],
}


@pytest.mark.parametrize(
    "values",
    [
        list(range(2000)),
        [f"listing-{number}" for number in range(2000)],
        [
            f"https://www.example.org/koop/x-{number}-straat/?from=list"
            for number in range(2000)
        ],
        [dt.date(2020, 1, 1) + dt.timedelta(number) for number in range(2000)],
        [float(number) / 7 for number in range(2000)],
        [Decimal(number) / 4 for number in range(2000)],
        [str(number).encode() for number in range(2000)],
    ],
)
def test_lanes_are_filled_evenly(values):
    frame = frame_of(source=["funda"] * len(values), key=values)
    for lanes in (2, 3, 8):
        heights = [
            layer.height
            for (layer,) in routed_layers((frame,), key=["source", "key"], lanes=lanes)
        ]
        assert max(heights) < 1.25 * len(values) / lanes


def test_lane_depends_on_the_order_of_key_values():
    frame = frame_of(a=[1, 2] * 50, b=[2, 1] * 50, c=range(100))
    assert lane_of(frame, ["a", "b"], 997).n_unique() == 2


def test_key_of_objects_is_refused_with_advice():
    message = r"column id is .*, which cannot identify a row: use another key \(--key\)"
    objects = pl.Series("id", [object()], dtype=pl.Object)
    with pytest.raises(SchemaMismatchError, match=message):
        lane_of(objects.to_frame(), ["id"], 3)


def test_single_lane_gets_the_layers_unchanged():
    layers = (frame_of(id=[1]), frame_of(id=[1]))
    assert routed_layers(layers, key=["id"], lanes=1) == [layers]


def test_together_puts_all_rows_into_the_first_lane():
    layers = (frame_of(id=[1, 2]), frame_of(id=[1]))
    routed = routed_layers(layers, key=["id"], lanes=3, together=True)
    assert routed[0] == layers
    assert [[each.height for each in lane] for lane in routed[1:]] == [[0], [0]]
    assert routed[1][0].schema == layers[0].schema


def test_negative_and_positive_zero_share_a_lane():
    frame = frame_of(id=[0.0, -0.0])
    assert lane_of(frame, ["id"], 997).n_unique() == 1


def test_layers_keep_their_order_and_empty_later_ones_are_dropped():
    first, second = frame_of(id=list(range(100))), frame_of(id=[5])
    routed = routed_layers((first, second), key=["id"], lanes=4)
    lane = lane_of(second, ["id"], 4)[0]
    assert [len(layers) for layers in routed] == [
        2 if n == lane else 1 for n in range(4)
    ]
    assert routed[lane][1]["id"].to_list() == [5]


def test_neighbouring_rows_without_key_share_a_lane():
    frame = frame_of(x=list(range(10)))
    routed = routed_layers((frame,), key=(), lanes=3)
    assert [layer["x"].to_list() for (layer,) in routed] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8, 9],
    ]


def test_lanes_stay_empty_if_there_are_too_few_rows():
    routed = routed_layers((frame_of(x=[1]),), key=(), lanes=4)
    assert [layer.height for (layer,) in routed] == [0, 0, 0, 1]
