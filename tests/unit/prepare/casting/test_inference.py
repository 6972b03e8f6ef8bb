"""Guessed types never lose information of a text."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.casting.inference import (
    CANDIDATES,
    SAMPLE_ROWS,
    infer_types,
    type_names,
    types_by_name,
)
from tests.unit.prepare.casts import infer


@pytest.mark.parametrize(
    ("values", "guess"),
    [
        (["0", "-5", "9223372036854775807"], pl.Int64()),
        (["1", "2.5", None], pl.Float64()),
        (["true", "False", "TRUE"], pl.Boolean()),
        (["2024-01-31"], pl.Date()),
        (
            ["2024-01-31T10:00:00", "2024-01-31 10:00", "2024-01-31 10:00:00.5"],
            pl.Datetime("us"),
        ),
        (["2024-01-31T10:00:00Z", "2024-01-31 10:00+02:00"], pl.Datetime("us", "UTC")),
        (["007", "1"], pl.String()),
        (["+5"], pl.String()),
        (["9223372036854775808"], pl.String()),
        (["52.22225849999999", "52.222258499999990", "5.0"], pl.Float64()),
        (["1234567890.1234567"], pl.Float64()),
        (["1234567890.12345678"], pl.String()),
        (["0.1000000000000000055"], pl.String()),
        (["1", "#N/A", "2"], pl.Int64()),
        (["#N/A", "a"], pl.String()),
        (["#DIV/0!"], pl.String()),
        (["1e5"], pl.String()),
        (["0.5", "1e-05", "-1.4285714285714285e-07", "1.50e-120"], pl.Float64()),
        (["0.5", "2e-1"], pl.String()),
        (["0.5", "12e-05"], pl.String()),
        (["0.5", "1E-05"], pl.String()),
        (["0.5", "1e-400"], pl.String()),
        (["0.5", "1.23456789012345678e-05"], pl.String()),
        (["t", "f"], pl.String()),
        (["01-02-2024"], pl.String()),
        (["2024-02-30"], pl.String()),
        (["1", ""], pl.String()),
        ([" 1"], pl.String()),
        ([None, None], pl.String()),
        (["2024-01-31T10:00:00Z", "2024-01-31T10:00:00"], pl.String()),
        (["2024-01-31T10:00:00.1234567"], pl.String()),
        (["NaN", "1.5"], pl.String()),
    ],
)
def test_type_is_guessed_only_if_nothing_is_lost(values, guess):
    assert infer(values) == guess


def test_guess_considers_all_values_and_not_only_the_sample():
    assert infer(["1"] * (SAMPLE_ROWS * 10) + ["x"]) == pl.String()


def test_only_requested_text_columns_are_guessed():
    frame = pl.DataFrame({"a": ["1"], "b": ["2"], "c": [3]}).with_row_index(ROW)
    assert infer_types(frame) == {"a": pl.Int64(), "b": pl.Int64()}
    assert infer_types(frame, ["b"]) == {"b": pl.Int64()}


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["450.000", "95.000"], pl.String),
        (["950", "1.250", "-12.500"], pl.String),
        (["450.000", "1.5"], pl.Float64),
        (["0.125", "52.370"], pl.Float64),
        (["1450.000", "4.895"], pl.Float64),
    ],
)
def test_numbers_that_may_have_thousands_separators_stay_text(texts, dtype):
    assert infer_types(pl.DataFrame({"price": texts})) == {"price": dtype}


def test_guessed_types_are_restored_from_their_names():
    inferred = {f"x{place}": dtype for place, dtype in enumerate(CANDIDATES)}
    assert types_by_name(type_names(inferred)) == inferred
    assert types_by_name({"a": "bigint", "b": "of another version"}) == {
        "a": pl.Int64()
    }
