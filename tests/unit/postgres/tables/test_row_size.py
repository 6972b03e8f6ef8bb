"""Rows are called too wide only where no page can hold them."""

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
#: A smaller one, as each column costs time, and what it holds of values.
SMALL_PAGE, ROOM = 1024, 968


def _rows(width, *values):
    """Return a row for each value, which all of its columns hold."""
    return pl.DataFrame({f"c{number}": values for number in range(width)})


@pytest.mark.parametrize(
    ("value", "taken"),
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
def test_values_take_what_they_take_at_least(value, taken):
    most = ROOM // taken
    assert rows_too_wide(_rows(most, value), SMALL_PAGE) == []
    assert rows_too_wide(_rows(most + 1, value), SMALL_PAGE) == [0]


def test_rows_are_told_apart_and_nulls_take_nothing():
    rows = _rows(120, "long enough", None, "", "long enough")
    assert rows_too_wide(rows, SMALL_PAGE) == [0, 3]
    assert rows_too_wide(rows, 4 * SMALL_PAGE) == []


def test_few_columns_fit_whatever_they_hold():
    for length in (20, 100_000):
        assert rows_too_wide(_rows(FITTING_COLUMNS, "x" * length), PAGE) == []


def test_keys_may_be_too_long_together():
    rows = pl.DataFrame({"a": ["é" * 700, "x", None], "b": ["x" * 1_101] * 3, "n": 1})
    assert long_keys(rows, ["a", "b"]).to_list() == [True, False, False]
    assert long_keys(rows, ["b", "n"]).to_list() == [False] * 3
    assert long_keys(rows, ["n"]).to_list() == [False] * 3
