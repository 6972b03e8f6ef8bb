from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from propload.postgres.session.failures import Failure
from propload.postgres.sql.shape import ColumnShape, Shape
from propload.postgres.writing.refused.suspecting import MOST_SUSPECTS, find_suspects
from propload.target import ColumnPlan, TableName

LAYER = pl.DataFrame(
    {
        "k": [1, 2, 3],
        "place": ["a, b", "Ede", "Assen"],
        "day": [dt.date(2024, 1, n) for n in (1, 2, 3)],
        "ip": ["10.0.0.1", "x", "x"],
        "share": [0.5, 0.5, 0.25],
    }
)


def shape_of(layer, *key):
    columns = tuple(
        ColumnShape(
            ColumnPlan(name, dtype, "text" if name == "ip" else "copy", "inet")
            if name == "ip"
            else ColumnPlan(name, dtype, "copy", "any")
        )
        for name, dtype in layer.schema.items()
    )
    return Shape(TableName("public", "t"), columns, key)


def places(message, *key, layer=LAYER):
    failure = Failure("data", "23505", message, None, None, None, "")
    return find_suspects(layer, shape_of(layer, *key), failure).arg_true().to_list()


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("duplicate key. Key (k)=(2) already exists.", [1]),
        ("no parent. Key (place)=(Ede) is not present in table p.", [1]),
        ("no parent. Key (day, k)=(2024-01-03, 3) is not present in table p.", [2]),
        ("Key (r)=([1,3)) conflicts with existing key (r)=([1,2)).", []),
        ("Key (place, k)=(a, b, 1) already exists.", []),
        ("Failing row contains (2, null, Ede, 3, x).", [1, 2]),
        ('invalid input syntax for type inet: "x"', [1, 2]),
        ("something else", []),
    ],
)
def test_rows_are_found_by_what_is_quoted(message, found):
    assert places(message, "k") == found


def test_every_column_of_a_key_has_to_stand_in_the_row():
    message = "Failing row contains (Ede, 2024-01-02, 2, 3)."
    assert places(message, "k", "place") == [1]


def test_without_a_key_every_column_has_to_stand_in_the_row():
    message = "Failing row contains (2, Ede, 2024-01-02, x, 0.5, 3)."
    assert places(message) == [1]


def test_a_key_of_fractions_is_no_way_to_tell_rows_apart():
    assert places("Failing row contains (1, 0.5).", "share") == []


def test_too_many_suspects_are_none():
    many = pl.DataFrame({"k": [7] * (MOST_SUSPECTS + 1)})
    assert places("Key (k)=(7) already exists.", "k", layer=many) == []
    assert len(places("Key (k)=(7) already exists.", "k", layer=many[1:])) == 64
