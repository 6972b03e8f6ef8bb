"""Values of items: their types, kept as they were when the item was yielded."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict, UserDict
from enum import Enum

import numpy as np
import pytest

from propload.options import SourceOptions
from propload.sources import open_source
from tests.unit.sources.kinds import Data


@pytest.mark.parametrize("make", [dict, OrderedDict, UserDict])
def test_row_changed_and_yielded_again_is_read_each_time(read, make):
    def rows():
        row = make()
        for number in range(200):
            row["id"], row["name"] = number, f"n{number}"
            yield row

    expected = [{"id": number, "name": f"n{number}"} for number in range(200)]
    assert read(rows()).rows == expected


def test_nested_values_become_json_texts(read):
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


def test_column_name_that_is_no_text_rejects_its_row(read):
    reading = read([{"a": 1}, {2: 1, "a": 2}])
    assert reading.rows == [{"a": 1}]
    assert "the name 2 is not a text" in reading.unread[0].message


class Untold:
    """An object whose `str` and `repr` both raise."""

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
def test_value_that_cannot_be_stored_rejects_its_row(read, make, value, message):
    reading = read(make([{"a": "x"}, {"a": value}, {"a": "y"}]))
    assert reading.tuples == [("x",), ("y",)]
    assert [(fault.row, fault.check) for fault in reading.unread] == [(2, "value")]
    start = "column a: a value cannot be stored: "
    assert reading.unread[0].message.startswith(start + message)


def test_nested_values_changed_and_yielded_again_are_read_each_time(read):
    def rows():
        at, tags, raw = {"x": 0, "deep": [[0]]}, [], bytearray(b"0")
        for number in range(3):
            at["x"] = at["deep"][0][0] = number
            tags.append(number)
            raw[0] = 48 + number
            yield {"id": number, "at": at, "tags": tags, "raw": raw}

    assert read(rows()).tuples == [
        (0, '{"x": 0, "deep": [[0]]}', [0], b"0"),
        (1, '{"x": 1, "deep": [[1]]}', [0, 1], b"1"),
        (2, '{"x": 2, "deep": [[2]]}', [0, 1, 2], b"2"),
    ]


def test_generator_rows_get_the_same_types_as_list_rows():
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
    (iterated,) = open_source(iter(rows), SourceOptions())
    assert iterated.rows.schema.equals(listed.rows.schema, check_metadata=True)
    assert iterated.rows == listed.rows


def test_nested_value_that_cannot_be_stored_rejects_its_row(read):
    circle = []
    circle.append(circle)
    rows = iter([{"id": 1}, {"id": 2, "v": [{"a": len}]}, {"id": 3, "v": circle}])
    reading = read(rows)
    assert [row["id"] for row in reading.rows] == [1]
    assert [fault.row for fault in reading.unread] == [2, 3]
    assert "column v" in reading.unread[0].message
