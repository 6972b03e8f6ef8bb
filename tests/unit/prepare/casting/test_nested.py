"""Elements and fields of nested values are cast like columns of their type."""

from __future__ import annotations

import datetime as dt

import pandera.polars as pa
import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.prepare.casting.row_casting import Cast, cast_types
from propload.prepare.checks.validation import load_schema
from tests.unit.prepare.casts import cast_values, moment

DAY = dt.date(2026, 1, 2)
NOON = moment("2026-01-02T12:00:00")
WANTED = pl.Struct({"a": pl.Int32, "b": pl.String})


def cast_lists(values, source, wanted):
    """Return the kept lists by row, and the rejected rows."""
    kept, refused = cast_values(values, pl.List(source), pl.List(wanted))
    return {row: None if v is None else v.to_list() for row, v in kept.items()}, refused


@pytest.mark.parametrize(
    ("values", "source", "kept"),
    [
        (
            [[{"b": "x", "a": 1}, None], [], None, [{"b": None, "a": None}]],
            {"b": pl.String, "a": pl.Int32},
            {
                0: [{"a": 1, "b": "x"}, None],
                1: [],
                2: None,
                3: [{"a": None, "b": None}],
            },
        ),
        ([[{"a": 1}]], {"a": pl.Int32}, {0: [{"a": 1, "b": None}]}),
        (
            [[{"a": 1, "b": "x"}, {"a": 2**40, "b": "y"}], [{"a": 3, "b": "z"}]],
            {"a": pl.Int64, "b": pl.String},
            {1: [{"a": 3, "b": "z"}]},
        ),
        (
            [[{"a": 1, "c": None}], [{"a": 1, "c": 5}]],
            {"a": pl.Int32, "c": pl.Int64},
            {0: [{"a": 1, "b": None}]},
        ),
        (
            [[{"a": "7", "b": "x"}], [{"a": "seven", "b": "x"}]],
            {"a": pl.String, "b": pl.String},
            {0: [{"a": 7, "b": "x"}]},
        ),
    ],
    ids=["order", "missing", "width", "more", "texts"],
)
def test_struct_in_list_is_cast_exactly_or_rejected(values, source, kept):
    found, refused = cast_lists(values, pl.Struct(source), WANTED)
    assert found == kept
    assert refused == [row for row in range(len(values)) if row not in kept]


def test_list_in_struct_in_list_is_cast():
    source, wanted = (pl.Struct({"a": pl.List(t)}) for t in (pl.Int64, pl.Int8))
    values = [[{"a": [1, None]}, {"a": None}], [{"a": [1]}, {"a": [2**20]}]]
    assert cast_lists(values, source, wanted) == ({0: values[0]}, [1])


@pytest.mark.parametrize(
    ("values", "source", "wanted", "kept"),
    [
        ([[True, None]], pl.Boolean, pl.String, {0: ["true", None]}),
        ([["t", "no"], ["maybe"]], pl.String, pl.Boolean, {0: [True, False]}),
        ([["2026-01-02"], ["soon"]], pl.String, pl.Date, {0: [DAY]}),
        ([[NOON], [NOON.replace(hour=0)]], pl.Datetime, pl.Date, {1: [DAY]}),
        ([[DAY]], pl.Date, pl.String, {0: ["2026-01-02"]}),
        ([["a", "b"]], pl.Enum(["a", "b"]), pl.String, {0: ["a", "b"]}),
        ([["a"], ["c"]], pl.String, pl.Enum(["a", "b"]), {0: ["a"]}),
        ([[True]], pl.Boolean, pl.Decimal(4, 1), {0: [1]}),
        ([[0.1]], pl.Float64, pl.Float32, {0: [pytest.approx(0.1)]}),
    ],
)
def test_element_is_cast_like_a_column_of_its_type(values, source, wanted, kept):
    found, refused = cast_lists(values, source, wanted)
    assert found == kept
    assert refused == [row for row in range(len(values)) if row not in kept]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        # a date is no number, although it is stored as one
        (pl.Int32, pl.Date),
        (pl.Date, pl.Int32),
        (pl.Int32, pl.List(pl.Int32)),
        (pl.Struct({"a": pl.Date}), pl.Struct({"a": pl.Int32})),
        (pl.Struct({"c": pl.Int32}), WANTED),
    ],
)
def test_list_column_without_exact_cast_is_refused(source, wanted):
    with pytest.raises(SchemaMismatchError, match="cannot be exactly converted"):
        cast_lists([[None]], source, wanted)


def test_dates_in_a_struct_become_timestamps_and_back():
    days, moments = pl.Struct({"a": pl.Date}), pl.Struct({"a": pl.Datetime("us")})
    found, _ = cast_values([{"a": DAY}], days, moments)
    assert found == {0: {"a": NOON.replace(hour=0)}}
    found, refused = cast_values([{"a": NOON}, *found.values()], moments, days)
    assert (found, refused) == ({1: {"a": DAY}}, [0])


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
def test_struct_is_cast_exactly_or_rejected(values, source, kept):
    found, refused = cast_values(values, pl.Struct(source), WANTED)
    assert found == kept
    assert refused == [row for row in range(len(values)) if row not in kept]


def test_struct_in_struct_is_cast():
    source = pl.Struct({"s": pl.Struct({"b": pl.String, "a": pl.Int64})})
    values = [{"s": {"b": "x", "a": 1}}, {"s": {"b": "x", "a": 2**31}}, {"s": None}]
    found, refused = cast_values(values, source, pl.Struct({"s": WANTED}))
    assert found == {0: {"s": {"a": 1, "b": "x"}}, 2: {"s": None}}
    assert refused == [1]


def test_struct_column_without_exact_cast_is_refused():
    source = pl.Struct({"a": pl.Date, "b": pl.String})
    with pytest.raises(SchemaMismatchError, match="cannot be exactly converted"):
        cast_values([None], source, WANTED)


PAIR = pl.Array(pl.Int64, 2)
LISTS = [[1, 2], None, [3, None], [4], [], [5, 6, 7]]


@pytest.mark.parametrize("inner", [pl.Int64, pl.Float64])
def test_list_of_another_size_than_the_array_is_rejected(inner):
    column = pl.Series("v", LISTS, dtype=pl.List(inner))
    frame = pl.DataFrame([column]).with_row_index(ROW)
    sifted = cast_types(frame, [Cast("v", PAIR, "bigint[2]")])
    assert sifted.frame["v"].to_list() == LISTS[:3]
    assert sifted.frame.schema["v"] == PAIR
    assert sifted.reasons[ROW].to_list() == [3, 4, 5]


def test_array_with_a_number_that_does_not_fit_is_rejected():
    frame = pl.DataFrame({"v": [[1.0, 2.0], [1.5, 2.0]]}).with_row_index(ROW)
    sifted = cast_types(frame, [Cast("v", PAIR, "bigint[2]")])
    assert sifted.frame["v"].to_list() == [[1, 2]]


def test_schema_with_an_array_column_checks_cast_lists():
    checker = load_schema(pa.DataFrameSchema({"v": pa.Column(PAIR, nullable=True)}))
    frame = pl.DataFrame({"v": LISTS[:3]}).with_row_index(ROW)
    casts = [Cast("v", dtype, "bigint[2]") for dtype in checker.types(["v"]).values()]
    good, reasons = checker.check(cast_types(frame, casts).frame)
    assert (good["v"].to_list(), reasons.height) == (LISTS[:3], 0)
