from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from propload.batch import Batch
from propload.values.columns import ROWS_AT_ONCE, Columns, make_array, make_column
from propload.values.python_text import as_text
from propload.values.python_values import Json

UTC = dt.UTC
NAIVE = dt.datetime(2024, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001 - a value under test
AWARE = dt.datetime(2024, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))
LISTS_OF_DECIMALS = pa.large_list(pa.decimal128(38, 2))


@pytest.mark.parametrize(
    ("values", "arrow_type", "expected"),
    [
        ([1, None, -(2**63)], pa.int64(), None),
        ([1, 2**63], pa.large_string(), ["1", str(2**63)]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        ([2**53 + 1, 2.5], pa.large_string(), ["9007199254740993", "2.5"]),
        ([True, None], pa.bool_(), None),
        ([1.0, 0.5, 2**63], pa.large_string(), ["1", "0.5", str(2**63)]),
        # more microseconds than 64 bits can count
        ([dt.timedelta.max], pa.large_string(), ["PT23999999999H59M59.999999S"]),
        ([True, 1], pa.large_string(), ["true", "1"]),
        (["x", 1, 1.5, None], pa.large_string(), ["x", "1", "1.5", None]),
        ([b"\0x"], pa.large_binary(), None),
        ([b"\0x", "x"], pa.large_string(), ["\\x0078", "x"]),
        ([dt.date(2024, 1, 2)], pa.date32(), None),
        ([NAIVE], pa.timestamp("us"), None),
        ([AWARE], pa.timestamp("us", "UTC"), None),
        (
            [NAIVE, AWARE],
            pa.large_string(),
            ["2024-01-02 03:04:05.000006", "2024-01-02 01:00:00.000000+00:00"],
        ),
        ([dt.time(1, 2)], pa.time64("us"), None),
        ([dt.time(1, tzinfo=AWARE.tzinfo)], pa.large_string(), ["01:00:00+02:00"]),
        (
            [dt.time(1), dt.time(1, tzinfo=UTC)],
            pa.large_string(),
            ["01:00:00", "01:00:00+00:00"],
        ),
        ([[dt.time(1, tzinfo=UTC)]], pa.large_string(), ['["01:00:00+00:00"]']),
        ([dt.timedelta(1)], pa.duration("us"), None),
        ([Decimal("1.50"), Decimal(3)], pa.decimal128(38, 2), None),
        ([Decimal("1e40")], pa.large_string(), ["1E+40"]),
        ([Decimal("NaN")], pa.large_string(), ["NaN"]),
        ([Decimal("Infinity")], pa.large_string(), ["Infinity"]),
        ([Decimal(1), Decimal("-inf")], pa.large_string(), ["1", "-Infinity"]),
        ([["a"], [], None], pa.large_list(pa.large_string()), None),
        ([[1, None]], pa.large_list(pa.int64()), None),
        ([[dt.date(2024, 1, 2)], [None]], pa.large_list(pa.date32()), None),
        ([[Decimal("1.5"), Decimal("1.25")]], LISTS_OF_DECIMALS, None),
        ([[NAIVE], None, []], pa.large_list(pa.timestamp("us")), None),
        ([[AWARE]], pa.large_list(pa.timestamp("us", "UTC")), None),
        ([[dt.time(1)]], pa.large_list(pa.time64("us")), None),
        ([[dt.timedelta(1)]], pa.large_list(pa.duration("us")), None),
        ([[b"\0"]], pa.large_list(pa.large_binary()), None),
        ([[1, 2.5]], pa.large_list(pa.float64()), None),
        ([[UUID(int=1)]], pa.large_list(pa.large_string()), [[str(UUID(int=1))]]),
        ([[NAIVE, AWARE]], pa.large_string(), [as_text([NAIVE, AWARE])]),
        ([[{"a": 1}]], pa.large_string(), ['[{"a": 1}]']),
        ([[1, "a"]], pa.large_string(), ['[1, "a"]']),
        ([[2**64]], pa.large_string(), [f"[{2**64}]"]),
        ([[[1]]], pa.large_string(), ["[[1]]"]),
        ([{"a": True}, "x"], pa.large_string(), ['{"a": true}', "x"]),
        ([UUID(int=1)], pa.large_string(), [str(UUID(int=1))]),
        ([PurePosixPath("a")], pa.large_string(), ["a"]),
        ([np.int32(5), 6], pa.int64(), [5, 6]),
        ([np.array([1, 2])], pa.large_list(pa.int64()), [[1, 2]]),
        ([None, None], pa.large_string(), None),
    ],
)
def test_column_gets_the_narrowest_type_that_loses_nothing(
    values, arrow_type, expected
):
    array = make_array(values)
    assert array.type == arrow_type
    assert array.to_pylist() == (values if expected is None else expected)


@pytest.mark.parametrize(
    ("known", "values", "arrow_type"),
    [
        (pa.int64(), [1.5], pa.float64()),
        (pa.float64(), [1], pa.float64()),
        (pa.float64(), [2**53 + 1], pa.large_string()),
        (pa.int64(), ["x"], pa.large_string()),
        (pa.large_string(), [1], pa.large_string()),
        (pa.int64(), [None], pa.int64()),
        (pa.int64(), [True], pa.large_string()),
        (pa.timestamp("us"), [AWARE], pa.large_string()),
        (pa.large_list(pa.int64()), [[]], pa.large_list(pa.int64())),
        (pa.large_list(pa.float64()), [[1]], pa.large_list(pa.float64())),
        (pa.large_list(pa.int64()), [["a"]], pa.large_string()),
    ],
)
def test_known_type_of_a_column_only_widens(known, values, arrow_type):
    assert make_column(values, known)[0].type == arrow_type


def test_column_of_nulls_gets_the_type_of_its_first_value():
    columns = Columns()
    assert columns.build([{"a": None}]).schema.field("a").type == pa.large_string()
    assert columns.build([{"a": 1}]).schema.field("a").type == pa.int64()
    assert columns.build([{"b": 1}]).schema.field("a").type == pa.int64()


def test_rows_may_differ_in_keys_and_their_order():
    batch = Columns().build([{"a": 1, "b": 2}, {"b": 3, "a": 4}, {"c": 5}])
    assert batch.to_pylist() == [
        {"a": 1, "b": 2, "c": None},
        {"a": 4, "b": 3, "c": None},
        {"a": None, "b": None, "c": 5},
    ]


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (None, 1),
        (1, None),
        (1, 2.5),
        (1, "x"),
        ("x", "\ud800"),
        (1, 2**63),
        (NAIVE, AWARE),
        (AWARE, dt.datetime(2024, 1, 2, tzinfo=UTC)),
        ([1], [2.5]),
        ({"a": 1}, None),
    ],
)
def test_type_depends_on_all_rows_however_late_a_value_comes(first, later):
    values = [first] * ROWS_AT_ONCE + [later]
    rows = [{"a": "x", "b": value, "c": 1} for value in values]

    try:
        expected = make_array(values)
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            Columns().build(rows)
        return
    batch = Columns().build(rows)

    assert batch.column("b").equals(expected)
    assert batch.schema.field("b").type == expected.type
    assert batch.schema.names == ["a", "b", "c"]
    assert batch.column("c").to_pylist() == [1] * len(rows)


def test_empty_key_becomes_a_numbered_column_name():
    assert Columns().build([{"a": 1, "": 2}]).schema.names == ["a", "column_2"]


def test_timestamp_keeps_its_zone_under_pyarrow_ignore_timezone(monkeypatch):
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")
    stored = make_array([AWARE, None]).cast(pa.int64()).to_pylist()
    assert stored == [int(AWARE.timestamp() * 1_000_000), None]


@pytest.mark.parametrize(
    ("values", "is_json"),
    [
        ([{"a": 1}, None, {}], True),
        ([[1, "a"], {"b": [2]}], True),
        ([[{"a": 1}]], True),
        ([Json('{"a": 1}')], True),
        ([[1, 2]], False),
        ([{"a": 1}, "a"], False),
        (['{"a": 1}'], False),
        ([None], False),
    ],
)
def test_column_of_objects_is_created_as_jsonb(values, is_json):
    rows = Columns().build([{"a": value} for value in values])
    batch = Batch(rows, "rows", 1)
    assert batch.created_as == ({"a": "jsonb"} if is_json else {})
    assert batch.slice(0, 1).created_as == batch.created_as


def test_list_of_ints_and_floats_is_a_list_of_floats_if_exact():
    assert make_array([[1, 2.5], None]).to_pylist() == [[1.0, 2.5], None]
    # a float cannot hold this integer exactly
    assert make_array([[2**53 + 1, 2.5]]).type == pa.large_string()
