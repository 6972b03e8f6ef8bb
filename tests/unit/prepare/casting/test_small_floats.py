"""Numbers for `real`: 0.1 stays 0.1, and rejected numbers do not affect others."""

from __future__ import annotations

import math

import polars as pl
import pytest

from tests.unit.prepare.casts import cast_values

#: Whole numbers beyond 2**24 are written with fewer digits than they have.
FITTING = [0.1, 41292792.0, -2.5, 1e10, math.inf, math.nan, None]
OTHERS = [1 / 3, 16777217.0, 1e39]


@pytest.mark.parametrize("others", [[], OTHERS])
def test_number_that_does_not_fit_real_is_rejected(others):
    rows = [*FITTING, *others]
    _, refused = cast_values(rows, pl.Float64(), pl.Float32(), "real")
    assert refused == list(range(len(FITTING), len(rows)))


@pytest.mark.parametrize("source", [pl.List(pl.Float64), pl.Array(pl.Float64, 2)])
@pytest.mark.parametrize("others", [[], OTHERS])
def test_list_with_number_that_does_not_fit_real_is_rejected(source, others):
    rows = [*[[0.5, one] for one in FITTING], None, *[[0.5, one] for one in others]]
    _, refused = cast_values(rows, source, pl.List(pl.Float32), "real[]")
    assert refused == list(range(len(FITTING) + 1, len(rows)))


@pytest.mark.parametrize("source", [pl.Int64, pl.Decimal(38, 0), pl.Float64])
def test_number_that_would_become_infinite_is_rejected(source):
    _, refused = cast_values([65504, 70000, None], source, pl.Float16(), "real")
    assert refused == [1]
