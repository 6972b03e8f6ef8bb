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


def suspects_of(message, *key, layer=LAYER):
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
def test_rows_are_suspected_by_the_values_in_the_message(message, found):
    assert suspects_of(message, "k") == found


def test_all_key_columns_must_be_in_the_quoted_row():
    message = "Failing row contains (Ede, 2024-01-02, 2, 3)."
    assert suspects_of(message, "k", "place") == [1]


def test_without_key_all_columns_must_be_in_the_quoted_row():
    message = "Failing row contains (2, Ede, 2024-01-02, x, 0.5, 3)."
    assert suspects_of(message) == [1]


def test_float_key_does_not_identify_suspects():
    assert suspects_of("Failing row contains (1, 0.5).", "share") == []


def test_too_many_suspects_are_ignored():
    many = pl.DataFrame({"k": [7] * (MOST_SUSPECTS + 1)})
    assert suspects_of("Key (k)=(7) already exists.", "k", layer=many) == []
    assert len(suspects_of("Key (k)=(7) already exists.", "k", layer=many[1:])) == 64
