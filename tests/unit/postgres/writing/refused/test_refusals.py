from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from propload.postgres.writing.refused.refusals import values_of


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pl.Series([[1, None]]), "[1, null]"),
        (pl.Series([["Ede", 'a "b", é']]), r'["Ede", "a \"b\", é"]'),
        (pl.Series([[Decimal("1.20")]]), '["1.20"]'),
        (pl.Series([[dt.date(2024, 1, 2)]]), '["2024-01-02"]'),
        (pl.Series([[5_000_000]]).cast(pl.List(pl.Date)), '["+15659-07-15"]'),
        (pl.Series([5_000_000]).cast(pl.Date), "+15659-07-15"),
        (pl.Series([10**9]).cast(pl.Date), "+2739877-01-03"),
        (pl.Series([[10**9]]).cast(pl.List(pl.Date)), '["+2739877-01-03"]'),
        (pl.Series([-(10**9)]).cast(pl.Date), "-2735938-12-29"),
        (
            pl.Series([102_200_000 * 86_400_000_001]).cast(pl.Datetime("us", "UTC")),
            "+281784-02-05 00:01:42.200000+00:00",
        ),
        (
            pl.Series([2**63 - 1]).cast(pl.Datetime("ms")),
            "+292278994-08-17 07:12:55.807",
        ),
        (pl.Series([dt.timedelta(hours=25)]), "PT25H0M0S"),
        (pl.Series([[]], dtype=pl.List(pl.String)), "[]"),
        (pl.Series([None], dtype=pl.List(pl.String)), None),
        (pl.Series([1.5]), "1.5"),
    ],
)
def test_value_is_shown_in_readable_form(values, shown):
    layer = pl.DataFrame({"v": pl.concat([values.clear(1), values])})
    assert values_of(layer, [(1, "v")]) == [shown]


def test_values_are_returned_in_the_requested_order():
    layer = pl.DataFrame({"a": [1, 2, None], "b, c": ["x", None, "z"], "d": [None] * 3})
    requested = [(2, "a, d"), (1, "a"), (0, "b, c"), (0, None), (1, "e"), (0, "a, d")]
    assert values_of(layer, requested) == [None, "2", "x", None, None, "1, null"]
