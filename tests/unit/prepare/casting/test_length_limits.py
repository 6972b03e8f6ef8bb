"""A value is never cut, and none is too large unnoticed."""

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
def test_a_length_never_cuts_a_value(values, dtype, wanted, pg_type, refused):
    _, found = cast_values(values, dtype, wanted, pg_type)
    assert found == refused


def test_blanks_beyond_a_length_are_cut_as_the_server_cuts_them():
    frame = frame_of(["abc  ", "a    ", "ab", None, "éèà "])
    wanted = Cast("value", pl.String(), "character varying(3)")
    kept = cast_types(frame, [wanted]).frame["value"].to_list()
    assert kept == ["abc", "a  ", "ab", None, "éèà"]


def test_long_values_are_shown_in_part():
    frame = frame_of(["x" * 10_000])
    reasons = cast_types(frame, [Cast("value", pl.Int64(), "bigint")]).reasons
    assert len(reasons["value"][0]) == VALUE_LENGTH


@pytest.mark.parametrize("source", [pl.Float64(), pl.Float32()])
@pytest.mark.parametrize("wanted", [pl.Decimal(12, 2), pl.Decimal(38, 10)])
def test_a_number_that_a_decimal_has_no_room_for_costs_its_row(source, wanted):
    values = [1.0, 1e10, -1e30, math.inf, math.nan, 2.5]
    column = pl.Series("value", values, dtype=source)
    found, refused = cast_values(column, source, wanted)
    room = [0, 5] if wanted.precision == 12 else [0, 1, 5]
    assert list(found) == room
    assert refused == [row for row in range(6) if row not in room]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (pl.Date(), pl.Datetime("us")),
        (pl.Datetime("ms"), pl.Datetime("us")),
        (pl.Datetime("ms", "UTC"), pl.Datetime("us")),
        (pl.Duration("ms"), pl.Duration("us")),
    ],
)
def test_what_no_calendar_has_costs_its_row_and_no_panic(source, wanted):
    most = 2**31 - 1 if source == pl.Date() else 2**63 - 1
    numbers = pl.Series([0, most], dtype=pl.Int64)
    values = numbers.cast(pl.Int32 if source == pl.Date() else pl.Int64).cast(source)
    kept, refused = cast_values(values, source, wanted)
    assert (list(kept), refused) == ([0], [1])


def test_a_list_with_a_number_too_large_for_a_decimal_costs_its_row():
    column = pl.Series("value", [[1.5], [1e10, 1.0], None, []])
    source, wanted = column.dtype, pl.List(pl.Decimal(12, 2))
    found, _ = cast_values(column, source, wanted)
    lists = [None if value is None else value.to_list() for value in found.values()]
    assert dict(zip(found, lists, strict=True)) == {
        0: [Decimal("1.50")],
        2: None,
        3: [],
    }
