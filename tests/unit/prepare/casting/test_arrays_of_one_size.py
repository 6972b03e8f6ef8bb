"""A schema may want arrays of one size, of lists that come from anywhere."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.casting.row_casting import Cast, cast_types
from propload.prepare.checks.validation import load_schema

PAIR = pl.Array(pl.Int64, 2)
LISTS = [[1, 2], None, [3, None], [4], [], [5, 6, 7]]


@pytest.mark.parametrize("inner", [pl.Int64, pl.Float64])
def test_lists_of_another_size_are_refused(inner):
    column = pl.Series("v", LISTS, dtype=pl.List(inner))
    frame = pl.DataFrame([column]).with_row_index(ROW)
    sifted = cast_types(frame, [Cast("v", PAIR, "bigint[2]")])
    assert sifted.frame["v"].to_list() == LISTS[:3]
    assert sifted.frame.schema["v"] == PAIR
    assert sifted.reasons[ROW].to_list() == [3, 4, 5]


def test_numbers_that_do_not_fit_are_refused():
    frame = pl.DataFrame({"v": [[1.0, 2.0], [1.5, 2.0]]}).with_row_index(ROW)
    sifted = cast_types(frame, [Cast("v", PAIR, "bigint[2]")])
    assert sifted.frame["v"].to_list() == [[1, 2]]


def test_a_schema_of_arrays_judges_them():
    checker = load_schema(pa.DataFrameSchema({"v": pa.Column(PAIR, nullable=True)}))
    frame = pl.DataFrame({"v": LISTS[:3]}).with_row_index(ROW)
    cast = [Cast("v", dtype, "bigint[2]") for dtype in checker.types(["v"]).values()]
    good, reasons = checker.check(cast_types(frame, cast).frame)
    assert (good["v"].to_list(), reasons.height) == (LISTS[:3], 0)
