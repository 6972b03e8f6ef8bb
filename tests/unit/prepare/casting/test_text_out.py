"""JSON of nested values: the same text from every kind of source."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from propload.options import SourceOptions
from propload.prepare.casting.row_casting import Cast, cast_types
from propload.prepare.casting.text_out import write_text
from propload.sources import open_source
from propload.values.python_text import as_text


def json_of(source):
    """Return the values of a source as sent to a jsonb column, parsed again."""
    (batch,) = open_source(source, SourceOptions())
    frame = pl.DataFrame(pl.from_arrow(batch.rows)).with_row_index("propload_row")
    sent = cast_types(frame, [Cast("v", pl.String(), "jsonb")])
    assert sent.reasons.is_empty()
    texts = sent.frame["v"].to_list()
    return [text and json.loads(text, parse_float=Decimal) for text in texts]


def test_key_missing_in_a_dict_is_null_in_a_frame():
    rows = [{"v": {"a": 1}}, {"v": {"b": 2}}]
    assert json_of(rows) == [{"a": 1}, {"b": 2}]
    assert json_of(pl.DataFrame(rows)) == [{"a": 1, "b": None}, {"a": None, "b": 2}]


@pytest.mark.parametrize("value", [0.1, 41292792.0, 1e10, -0.0])
def test_float32_keeps_its_digits_in_json(value):
    small = np.float32(value)
    frame = pl.DataFrame({"v": [{"a": value}]}, {"v": pl.Struct({"a": pl.Float32})})
    assert json_of(frame) == json_of([{"v": {"a": small}}])
    assert float(json_of(frame)[0]["a"]) == value


def test_nanoseconds_are_kept_in_json():
    moment = pd.Timestamp("2024-01-02T03:04:05.000000001")
    dtype = pa.struct([("a", pa.timestamp("ns"))])
    table = pa.table({"v": pa.array([{"a": moment.value}], dtype)})
    assert json_of(table) == [{"a": "2024-01-02T03:04:05.000000001"}]
    assert json_of([{"v": {"a": moment}}]) == json_of(table)


def test_time_out_of_range_of_python_is_written_to_json():
    days = pl.Series([0, 10**9], dtype=pl.Int32).cast(pl.Date)
    frame = pl.select(pl.struct(days.alias("a")).alias("v"))
    assert json_of(frame) == [{"a": "1970-01-01"}, {"a": "+2739877-01-03"}]
    moments = pl.Series([86_400 * 10**11]).cast(pl.Datetime("ms"))
    frame = pl.select(pl.struct(moments.alias("a")).alias("v"))
    assert json_of(frame) == [{"a": "+275760-09-13T00:00:00.000"}]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([[1, None], [], None, [-3]], pl.List(pl.Int64)),
        ([[None], []], pl.List(pl.Null)),
        ([["a, b", 'é "quoted"', "{}", ""], None], pl.List(pl.String)),
        ([[[1], []], [], [None, [2, 3]]], pl.List(pl.List(pl.Int16))),
        ([[1.5, 2.0], [1e300]], pl.List(pl.Float64)),
        ([[math.nan, None, math.inf], [-math.inf]], pl.List(pl.Float64)),
        ([{"a": math.nan}, {"a": None}, {"a": 0.5}], pl.Struct({"a": pl.Float32})),
        ([{"a": 1, 'b": ': "x"}, {"a": None, 'b": ': None}, None], None),
        ([{"a": {"b": [True, None]}}, {"a": None}], None),
        ([[{"a": "x, y"}, None], []], None),
        ([[dt.date(2024, 1, 2)], None], pl.List(pl.Date)),
        ([[Decimal("1.10"), None]], pl.List(pl.Decimal(9, 2))),
    ],
)
def test_lists_and_structs_give_the_same_text_as_python_values(values, dtype):
    # a row pushed alone is written by way of Python, one among rows like it is not
    column = pl.Series("v", values, dtype=dtype)
    text = column.to_frame().select(write_text(pl.col("v"), column.dtype)).to_series()
    expected = [None if value is None else as_text(value) for value in values]
    assert text.to_list() == expected


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32])
@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (-3.0, "-3"), (-0.0, "-0.0"), (0.5, "0.5"), (16777216.0, "16777216")],
)
def test_float_without_fraction_is_written_as_integer(dtype, value, text):
    frame = pl.DataFrame(
        {"v": [value], "l": [[value]]}, {"v": dtype, "l": pl.List(dtype)}
    )
    alone, listed = (
        write_text(pl.col(n), frame.schema[n], pg_type="text") for n in "vl"
    )
    assert frame.select(alone, listed).row(0) == (text, f"[{text}]")
    assert (as_text(value), as_text([value])) == (text, f"[{text}]")


@pytest.mark.parametrize("value", [2.0**60, 1e16, math.inf, math.nan])
def test_large_or_non_finite_float_is_not_written_as_integer(value):
    frame = pl.DataFrame({"v": [value]})
    found = frame.select(write_text(pl.col("v"), pl.Float64())).item()
    assert float(found) == value or math.isnan(value)
    assert "." in found or "e" in found or not math.isfinite(value)
