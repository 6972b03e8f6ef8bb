"""Guessed types never lose what a text says."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.prepare.casting.row_casting import Cast, cast_types
from tests.unit.prepare.casts import infer

QUICK = settings(max_examples=25)


TEXTS = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.sampled_from(["true", "false", "007", "-0", "1e3", "", " 1", "1.0", "x"]),
)


@QUICK
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_a_guessed_column_takes_all_values_that_it_was_guessed_from(values):
    guess = infer(values)
    frame = pl.DataFrame({"x": values}).with_row_index(ROW)
    sifted = cast_types(frame, [Cast("x", guess, "guess", inferred=guess != pl.String)])
    assert sifted.reasons.is_empty()
    if guess.is_integer():
        assert [str(value) for value in sifted.frame["x"]] == values
