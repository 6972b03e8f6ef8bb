"""Texts are cast to what the server would read, or their rows are rejected."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import polars as pl
import pytest

from tests.unit.prepare.casts import cast_values, moment


@pytest.mark.parametrize(
    ("wanted", "texts", "kept"),
    [
        (pl.Int64(), ["1", " 2 ", "3.0", "-4", "007", "+5"], [1, 2, 3, -4, 7, 5]),
        (pl.Float64(), ["0.1", "1e3", "-2.50", "NaN"], [0.1, 1000.0, -2.5, math.nan]),
        (pl.Boolean(), ["t", "NO", "1", "off"], [True, False, True, False]),
        (pl.Date(), ["2024-02-29", "2024-02-29T00:00:00"], [dt.date(2024, 2, 29)] * 2),
        (pl.Decimal(12, 2), ["1.5", "1.500"], [Decimal("1.50")] * 2),
        (pl.Time(), ["10:00", "10:00:01.5"], [dt.time(10), dt.time(10, 0, 1, 500_000)]),
    ],
)
def test_text_is_read_as_by_the_server(wanted, texts, kept):
    found, refused = cast_values(texts, pl.String(), wanted)
    assert refused == []
    assert [found[row] for row in range(len(texts))] == pytest.approx(kept, nan_ok=True)


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (pl.Int64(), ["", "x", "1.5", "1,000", "9223372036854775808", "1e3"]),
        (pl.Int16(), ["40000"]),
        (pl.Float64(), ["", "1,5", "1e400", "1e-400", "9007199254740993"]),
        (pl.Boolean(), ["maybe", "", "2"]),
        (pl.Date(), ["2024-02-30", "01/02/2024", "2024-01-01T10:00:00"]),
        (pl.Decimal(12, 2), ["1.005", "x", "12345678901.00", "1e-3"]),
        (pl.Datetime("us"), ["2024-01-01T00:00:00.1234567", "yesterday"]),
        (pl.Time(), ["25:00", "10:00:00.0000001"]),
        (pl.Enum(["a"]), ["b"]),
    ],
)
def test_text_that_does_not_fit_the_type_is_rejected(wanted, texts):
    found, refused = cast_values(texts, pl.String(), wanted)
    assert found == {}
    assert refused == list(range(len(texts)))


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01T12:00:00+02:00",
        "2024-07-01 12:00:00.000000000+0200",
        "2024-07-01T10:00:00Z",
        "2024-07-01 10:00",
        "2024-07-01T10:00:00",
        "2024-07-01T10:00Z",
        "2024-07-01 12:00:00+02",
    ],
)
def test_iso_timestamp_is_read_with_and_without_an_offset(text):
    ten = moment("2024-07-01T10:00:00")
    found, _ = cast_values([text], pl.String(), pl.Datetime("us", "UTC"))
    assert found[0] == ten.replace(tzinfo=dt.UTC)
    found, _ = cast_values([text], pl.String(), pl.Datetime("us"))
    assert found[0] == ten


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (pl.Int64(), ["007", "+5", "-0", "3.0", " 1"]),
        (pl.Float64(), ["1e3", "01.5", ".5", "1234567890.12345678", "NaN"]),
        (pl.Boolean(), ["t", "1", "yes"]),
        (pl.Date(), ["2024-1-2", " 2024-01-02", "2024-01-02T00:00:00"]),
    ],
)
def test_guessed_type_accepts_only_its_own_notation(wanted, texts):
    found, refused = cast_values(texts, pl.String(), wanted, inferred=True)
    assert found == {}
    assert refused == list(range(len(texts)))


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (pl.Date(), ["10-11-20", "1-2-3"]),
        (pl.Date(), ["-2024-01-01", "-0001-12-31"]),
        (pl.Datetime("us"), ["-2024-01-01 10:00:00", "-0044-03-15"]),
        (pl.Datetime("us"), ["10-11-20 10:00:00", "2024-1-5 1:2:3.1234567"]),
        (pl.Float32(), ["16777217", "1e39"]),
        (pl.Float64(), ["9007199254740993", "-9007199254740993.0"]),
        (pl.Float64(), ["1" * 40, "1e400"]),
        (pl.Float64(), ["1e-400", "9" * 400]),
    ],
)
def test_text_that_would_lose_a_century_or_digit_is_rejected(wanted, texts):
    kept, refused = cast_values(texts, pl.String(), wanted)
    assert (kept, refused) == ({}, [0, 1])


def test_money_text_must_be_a_plain_amount():
    texts = ["5", " -5.50 ", ".5", "$5.00", "5,00", "1,234.50", "(5.00)", "1e3", ""]
    kept, refused = cast_values(texts, pl.String(), pl.String(), "money")
    assert (list(kept), refused) == ([0, 1, 2], [3, 4, 5, 6, 7, 8])


@pytest.mark.parametrize("wanted", [pl.Float32(), pl.Float64()])
def test_decimal_text_becomes_the_nearest_float(wanted):
    texts = [
        "0.1",
        "3.14159265358979323846",
        "0.123456789",
        "1e20",
        "9007199254740993.5",
    ]
    kept, refused = cast_values(texts, pl.String(), wanted)
    nearest = pl.Series([float(text) for text in texts]).cast(wanted).to_list()
    assert (list(kept.values()), refused) == (nearest, [])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("450.000", None),
        ("-1.000", None),
        ("450.0", 450),
        ("450.00", 450),
        ("450.000000", 450),
        ("1450.000", 1450),
        ("0.000", 0),
    ],
)
def test_text_that_may_have_thousands_separators_is_no_integer(text, number):
    kept, refused = cast_values([text], pl.String(), pl.Int64())
    assert (kept, refused) == (({}, [0]) if number is None else ({0: number}, []))
