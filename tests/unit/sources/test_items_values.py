"""Values within items: of which types, kept as they were when they came."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict, UserDict
from enum import Enum

import numpy as np
import pytest

from propload.options import SourceOptions
from propload.sources import open_source
from tests.unit.sources.kinds import Data


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict])
def test_a_row_that_is_changed_and_given_again_is_as_many_rows(read, kind):
    def rows():
        row = kind()
        for number in range(200):
            row["id"], row["name"] = number, f"n{number}"
            yield row

    expected = [{"id": number, "name": f"n{number}"} for number in range(200)]
    assert read(rows()).rows == expected


def test_nested_values_are_json_text(read):
    class Colour(Enum):
        RED = "red"

    rows = [
        {
            "a": Data(1, "x"),
            "b": Colour.RED,
            "c": (1, 2),
            "d": {"on": dt.date(2024, 1, 2)},
        }
    ]
    assert read(rows).rows == [
        {
            "a": '{"id": 1, "name": "x"}',
            "b": "red",
            "c": [1, 2],
            "d": '{"on": "2024-01-02"}',
        }
    ]


def test_a_name_that_is_no_text_is_told(read):
    reading = read([{"a": 1}, {2: 1, "a": 2}])
    assert reading.rows == [{"a": 1}]
    assert "the name 2 is not a text" in reading.unread[0].message


class Untold:
    """Neither text can be had of it."""

    def __str__(self):
        msg = "no text today"
        raise KeyError(msg)

    __repr__ = __str__


@pytest.mark.parametrize("make", [list, iter])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((n for n in "ab"), "a generator is not a value: make a list of it"),
        (Untold(), "an Untold has no text: it raised KeyError"),
        ({"b": [Untold()]}, "an Untold has no text: it raised KeyError"),
        ([object()], "an object is not a value"),
    ],
)
def test_a_value_that_is_none_costs_its_row(read, make, value, message):
    reading = read(make([{"a": "x"}, {"a": value}, {"a": "y"}]))
    assert reading.tuples == [("x",), ("y",)]
    assert [(fault.row, fault.check) for fault in reading.unread] == [(2, "value")]
    start = "column a: a value cannot be stored: "
    assert reading.unread[0].message.startswith(start + message)


def test_what_is_within_a_row_may_be_changed_and_given_again(read):
    def rows():
        at, tags, raw = {"x": 0, "deep": [[0]]}, [], bytearray(b"0")
        for place in range(3):
            at["x"] = at["deep"][0][0] = place
            tags.append(place)
            raw[0] = 48 + place
            yield {"id": place, "at": at, "tags": tags, "raw": raw}

    assert read(rows()).tuples == [
        (0, '{"x": 0, "deep": [[0]]}', [0], b"0"),
        (1, '{"x": 1, "deep": [[1]]}', [0, 1], b"1"),
        (2, '{"x": 2, "deep": [[2]]}', [0, 1, 2], b"2"),
    ]


def test_rows_of_a_generator_get_the_types_that_those_of_a_list_get():
    rows = [
        {
            "id": np.int64(1),
            "v": [np.int64(1)],
            "w": {"a": dt.date(2024, 1, 2)},
            "x": [],
        },
        {"id": 2, "v": [2, None], "w": None, "x": [[1]]},
    ]
    (listed,) = open_source(rows, SourceOptions())
    (given,) = open_source(iter(rows), SourceOptions())
    assert given.rows.schema.equals(listed.rows.schema, check_metadata=True)
    assert given.rows == listed.rows


def test_a_value_within_a_row_that_is_none_still_costs_its_row(read):
    circle = []
    circle.append(circle)
    rows = iter([{"id": 1}, {"id": 2, "v": [{"a": len}]}, {"id": 3, "v": circle}])
    reading = read(rows)
    assert [row["id"] for row in reading.rows] == [1]
    assert [fault.row for fault in reading.unread] == [2, 3]
    assert "column v" in reading.unread[0].message
