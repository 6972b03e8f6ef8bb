"""A value is never truncated, and one that is too large is never missed."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import polars as pl
import pytest

from propload.prepare.casting.row_casting import VALUE_LENGTH, Cast, cast_types
from tests.unit.prepare.casts import cast_values, frame_of, moment


@pytest.mark.parametrize(
    ("values", "dtype", "wanted", "pg_type", "refused"),
    [
        (
            ["abc", "abcd", "abc  "],
            pl.String(),
            pl.String(),
            "character varying(3)",
            [1],
        ),
        (["éèà", "éèàü"], pl.String(), pl.String(), "character(3)", [1]),
        (["1.005", "1.50", "1.500"], pl.String(), pl.String(), "numeric(12,2)", [0]),
        (
            [Decimal("1.005"), Decimal("1.010")],
            pl.Decimal(10, 3),
            pl.Decimal(10, 3),
            "numeric(12,2)",
            [0],
        ),
        (
            [moment("2024-01-01T00:00:00.001500")],
            pl.Datetime("us"),
            pl.Datetime("us"),
            "timestamp(3) without time zone",
            [0],
        ),
        (
            [moment("2024-01-01T00:00:00.002000")],
            pl.Datetime("us"),
            pl.Datetime("us"),
            "timestamp(3) without time zone",
            [],
        ),
        ([dt.time(1, 2, 3, 5)], pl.Time(), pl.Time(), "time(0) without time zone", [0]),
        (["1.5", "1.0", "1"], pl.String(), pl.String(), "numeric(12)", [0]),
        (
            ["2024-01-01 00:00:00.0015", "2024-01-01 00:00:00.0010"],
            pl.String(),
            pl.String(),
            "timestamp(3) with time zone",
            [0],
        ),
        (["1.5 s", "1.0 s"], pl.String(), pl.String(), "interval(0)", [0]),
        (
            [moment("2024-01-01T00:00:00.001500")],
            pl.Datetime("ms"),
            pl.Datetime("ms"),
            "timestamp(3) without time zone",
            [],
        ),
    ],
)
def test_value_that_a_length_would_truncate_is_rejected(
    values, dtype, wanted, pg_type, refused
):
    _, found = cast_values(values, dtype, wanted, pg_type)
    assert found == refused


def test_trailing_blanks_beyond_a_length_are_cut_as_by_the_server():
    frame = frame_of(["abc  ", "a    ", "ab", None, "éèà "])
    wanted = Cast("value", pl.String(), "character varying(3)")
    kept = cast_types(frame, [wanted]).frame["value"].to_list()
    assert kept == ["abc", "a  ", "ab", None, "éèà"]


def test_reason_shows_only_the_beginning_of_a_long_value():
    frame = frame_of(["x" * 10_000])
    reasons = cast_types(frame, [Cast("value", pl.Int64(), "bigint")]).reasons
    assert len(reasons["value"][0]) == VALUE_LENGTH


@pytest.mark.parametrize("source", [pl.Float64(), pl.Float32()])
@pytest.mark.parametrize("wanted", [pl.Decimal(12, 2), pl.Decimal(38, 10)])
def test_float_too_large_for_a_decimal_is_rejected(source, wanted):
    values = [1.0, 1e10, -1e30, math.inf, math.nan, 2.5]
    column = pl.Series("value", values, dtype=source)
    found, refused = cast_values(column, source, wanted)
    fitting = [0, 5] if wanted.precision == 12 else [0, 1, 5]
    assert list(found) == fitting
    assert refused == [row for row in range(6) if row not in fitting]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (pl.Date(), pl.Datetime("us")),
        (pl.Datetime("ms"), pl.Datetime("us")),
        (pl.Datetime("ms", "UTC"), pl.Datetime("us")),
        (pl.Duration("ms"), pl.Duration("us")),
    ],
)
def test_time_out_of_range_is_rejected_without_a_panic(source, wanted):
    largest = 2**31 - 1 if source == pl.Date() else 2**63 - 1
    numbers = pl.Series([0, largest], dtype=pl.Int64)
    values = numbers.cast(pl.Int32 if source == pl.Date() else pl.Int64).cast(source)
    kept, refused = cast_values(values, source, wanted)
    assert (list(kept), refused) == ([0], [1])


def test_list_with_float_too_large_for_a_decimal_is_rejected():
    column = pl.Series("value", [[1.5], [1e10, 1.0], None, []])
    source, wanted = column.dtype, pl.List(pl.Decimal(12, 2))
    found, _ = cast_values(column, source, wanted)
    lists = [None if value is None else value.to_list() for value in found.values()]
    assert dict(zip(found, lists, strict=True)) == {
        0: [Decimal("1.50")],
        2: None,
        3: [],
    }
