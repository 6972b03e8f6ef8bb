"""Values of any type as those that a column is made of."""

from collections import deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from propload.values import as_text, plain

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
        (pd.Timestamp(MOMENT), MOMENT),
        (pd.Timedelta(days=2), timedelta(days=2)),
        (np.datetime64("2024-01-01"), MOMENT.replace(tzinfo=None)),
        (np.timedelta64(2, "D"), timedelta(days=2)),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.longdouble(1.5), 1.5),
        (np.array([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (deque([1]), [1]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (bytearray(b"\xde\0"), b"\xde\0"),
        (memoryview(b"\xde\0"), b"\xde\0"),
        (memoryview(b"abcd")[::2], b"ac"),
        (memoryview(b"abcd").cast("H"), b"abcd"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_becomes_the_plain_one_that_says_the_same(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp("2024-01-01 00:00:00.123456789"),
        np.datetime64("2024-01-01T00:00:00.123456789"),
        pd.Timedelta(123456789, "ns"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nanoseconds_are_kept_as_text(value):
    assert str(plain(value)).endswith("123456789")
    assert isinstance(plain(value), str)


def test_digits_that_no_float_has_are_kept_as_text():
    if np.finfo(np.longdouble).bits > 64:
        assert plain(np.longdouble("1.1")) == str(np.longdouble("1.1"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": Decimal("1.10"), "b": [Decimal("1E+5")]}, '{"a": 1.10, "b": [1E+5]}'),
        ({"a": Decimal("NaN")}, '{"a": "NaN"}'),
        ([bytearray(b"\xde"), memoryview(b"\xad")], '["\\\\xde", "\\\\xad"]'),
        ({"a": "1.10", "b": "\0001\0"}, '{"a": "1.10", "b": "\\u00001\\u0000"}'),
        (timedelta(days=3, seconds=5), "PT72H0M5S"),
        (-timedelta(hours=1, microseconds=20), "PT-1H-0M-0.00002S"),
        ([timedelta(0)], '["PT0H0M0S"]'),
        ([1, "é", None, date(2024, 1, 2)], '[1, "é", null, "2024-01-02"]'),
    ],
)
def test_a_text_keeps_all_of_its_value(value, text):
    assert as_text(value) == text
