"""A struct becomes one of other fields exactly, or costs its row."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import SchemaMismatchError
from tests.unit.prepare.casts import cast_values

WANTED = pl.Struct({"a": pl.Int32, "b": pl.String})


@pytest.mark.parametrize(
    ("values", "source", "kept"),
    [
        (
            [{"b": "x", "a": 1}, None],
            {"b": pl.String, "a": pl.Int32},
            {0: {"a": 1, "b": "x"}, 1: None},
        ),
        ([{"a": 1}, None], {"a": pl.Int32}, {0: {"a": 1, "b": None}, 1: None}),
        (
            [{"a": 1, "b": "x"}, {"a": 2**40, "b": "x"}, {"a": None, "b": "x"}],
            {"a": pl.Int64, "b": pl.String},
            {0: {"a": 1, "b": "x"}, 2: {"a": None, "b": "x"}},
        ),
        (
            [{"a": 1, "c": None}, {"a": 1, "c": 2}],
            {"a": pl.Int32, "c": pl.Int64},
            {0: {"a": 1, "b": None}},
        ),
        (
            [{"a": 1.0, "b": "x"}, {"a": 1.5, "b": "x"}],
            {"a": pl.Float64, "b": pl.String},
            {0: {"a": 1, "b": "x"}},
        ),
    ],
    ids=["order", "missing", "width", "more", "fractions"],
)
def test_fields_are_kept_exactly_or_cost_their_row(values, source, kept):
    found, refused = cast_values(values, pl.Struct(source), WANTED)
    assert found == kept
    assert refused == [row for row in range(len(values)) if row not in kept]


def test_a_struct_within_a_struct_is_cast_too():
    source = pl.Struct({"s": pl.Struct({"b": pl.String, "a": pl.Int64})})
    values = [{"s": {"b": "x", "a": 1}}, {"s": {"b": "x", "a": 2**31}}, {"s": None}]
    found, refused = cast_values(values, source, pl.Struct({"s": WANTED}))
    assert found == {0: {"s": {"a": 1, "b": "x"}}, 2: {"s": None}}
    assert refused == [1]


def test_a_field_without_an_exact_way_refuses_the_column():
    source = pl.Struct({"a": pl.Date, "b": pl.String})
    with pytest.raises(SchemaMismatchError, match="cannot be exactly converted"):
        cast_values([None], source, WANTED)
