"""Python values of any type become values that a column can hold."""

import asyncio
import ipaddress
import re
from collections import Counter, OrderedDict, UserList, deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from pathlib import Path
from uuid import UUID

import numpy as np
import pandas as pd
import parsel
import polars as pl
import pyarrow as pa
import pytest

from propload.values.python_text import as_text
from propload.values.python_values import to_native

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT", "us"), None),
        (pd.Timestamp(MOMENT), MOMENT),
        (pd.Timedelta(days=2), timedelta(days=2)),
        (np.datetime64("2024-01-01"), MOMENT.replace(tzinfo=None)),
        (np.timedelta64(2, "D"), timedelta(days=2)),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.longdouble(1.5), 1.5),
        (np.array([1, 2]), [1, 2]),
        (pl.Series([1, 2]), [1, 2]),
        (pd.Series([1, 2]), [1, 2]),
        (pa.array([1, 2]), [1, 2]),
        (pa.chunked_array([[1], [2]]), [1, 2]),
        (pa.scalar(5), 5),
        (UserList([1]), [1]),
        (range(3), [0, 1, 2]),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (bytearray(b"\xde\0"), b"\xde\0"),
        (memoryview(b"\xde\0"), b"\xde\0"),
        (memoryview(b"abcd")[::2], b"ac"),
        (memoryview(b"abcd").cast("H"), b"abcd"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_becomes_its_plain_python_equivalent(value, expected):
    found = to_native(value)
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
    assert str(to_native(value)).endswith("123456789")
    assert isinstance(to_native(value), str)


def test_digits_beyond_a_float_are_kept_as_text():
    if np.finfo(np.longdouble).bits > 64:
        assert to_native(np.longdouble("1.1")) == str(np.longdouble("1.1"))


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
def test_text_of_a_value_is_exact(value, text):
    assert as_text(value) == text


class Money:
    def __init__(self, amount):
        self.amount = amount

    def __str__(self):
        return f"{self.amount} EUR"


class Size(Enum):
    LARGE = "L"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Money(5), "5 EUR"),
        (Size.LARGE, "L"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_object_with_its_own_text_becomes_that_text(value, text):
    assert to_native(value) == text


class Shown:
    def __repr__(self):
        return "Shown()"


class Called:
    def __call__(self):
        """Return nothing."""

    def __str__(self):
        return "called"


class Broken:
    def __str__(self):
        msg = "no text today"
        raise RuntimeError(msg)


async def later():
    """Return nothing."""


async def several():
    yield 1


PAGE = parsel.Selector("<h1>House</h1>")
NO_VALUES = {
    "SelectorList": (PAGE.css("h1::text"), r"call \.get\(\)"),
    "Selector": (PAGE, r"call \.get\(\)"),
    "method": (PAGE.css("h1").get, "call it"),
    "builtin_function_or_method": ("x".strip, "call it"),
    "function": (lambda: 1, "call it"),
    "partial": (partial(int, 1), "call it"),
    "generator": ((n for n in "a"), "make a list of it"),
    "map": (map(int, "1"), "make a list of it"),
    "async_generator": (several(), "await it"),
    "DataFrame": (pl.DataFrame({"a": [1]}), "give its rows as dicts"),
    "LazyFrame": (pl.LazyFrame({"a": [1]}), "give its rows as dicts"),
    "Table": (pa.table({"a": [1]}), "give its rows as dicts"),
    "Called": (Called(), "give the number or text in it"),
    "type": (Money, "give the number or text in it"),
    "object": (object(), "__str__"),
    "Shown": (Shown(), "__str__"),
    "Match": (re.match("a", "a"), "__str__"),
}


@pytest.mark.parametrize("type_name", NO_VALUES)
def test_error_says_what_to_give_instead_of_an_object(type_name):
    value, advice = NO_VALUES[type_name]
    with pytest.raises(TypeError, match=f"^an? {type_name} is not a value: .*{advice}"):
        to_native(value)
    with pytest.raises(TypeError, match=f"is not a value: .*{advice}"):
        as_text({"a": [value]})


def test_pandas_frame_is_not_a_value():
    with pytest.raises(TypeError, match="DataFrame is not a value"):
        to_native(pd.DataFrame({"a": [1]}))


def test_coroutine_is_not_a_value():
    coroutine = later()
    with pytest.raises(TypeError, match="coroutine is not a value: await it"):
        to_native(coroutine)
    asyncio.run(coroutine)


def test_error_of_an_objects_str_is_reported():
    with pytest.raises(TypeError, match="Broken has no text: it raised RuntimeError"):
        to_native(Broken())


@pytest.mark.parametrize("set_type", [set, frozenset])
def test_sets_are_sorted_so_every_process_has_the_same_order(set_type):
    texts = [f"home {place}" for place in range(10, 30)]
    assert to_native(set_type(texts)) == texts
    assert as_text({"a": set_type(texts)}) == as_text({"a": texts})
    assert to_native(set_type([*texts, 1, None])) == [*(texts), 1, None]
