"""Rows are reported as too wide only if no page can hold them."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from propload.postgres.tables.row_size import (
    FITTING_COLUMNS,
    long_keys,
    rows_too_wide,
)

PAGE = 8192
#: A smaller page, because every column costs time, and the bytes it has for values.
SMALL_PAGE, ROOM = 1024, 968


def _rows(width, *values):
    """Return one row per value, which fills all of its columns."""
    return pl.DataFrame({f"c{number}": values for number in range(width)})


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("x" * 10, 11),
        ("é" * 10, 21),
        ("x" * 5_000, 10),
        (b"x" * 20, 21),
        (1, 8),
        (1.5, 8),
        (dt.date(2026, 1, 1), 4),
        (dt.time(12), 8),
        (True, 1),
    ],
    ids=lambda one: str(one)[:12],
)
def test_values_count_with_their_smallest_size(value, size):
    fitting = ROOM // size
    assert rows_too_wide(_rows(fitting, value), SMALL_PAGE) == []
    assert rows_too_wide(_rows(fitting + 1, value), SMALL_PAGE) == [0]


def test_each_row_is_measured_and_nulls_take_no_space():
    rows = _rows(120, "long enough", None, "", "long enough")
    assert rows_too_wide(rows, SMALL_PAGE) == [0, 3]
    assert rows_too_wide(rows, 4 * SMALL_PAGE) == []


def test_few_columns_fit_whatever_their_values():
    for length in (20, 100_000):
        assert rows_too_wide(_rows(FITTING_COLUMNS, "x" * length), PAGE) == []


def test_key_columns_are_measured_together():
    rows = pl.DataFrame({"a": ["é" * 700, "x", None], "b": ["x" * 1_101] * 3, "n": 1})
    assert long_keys(rows, ["a", "b"]).to_list() == [True, False, False]
    assert long_keys(rows, ["b", "n"]).to_list() == [False] * 3
    assert long_keys(rows, ["n"]).to_list() == [False] * 3
