"""Numbers with an exponent, such as 1e+05 in R and long floats of other programs."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from tests.unit.prepare.casts import cast_values


@pytest.mark.parametrize(
    ("text", "dtype", "value"),
    [
        ("1.5e1", pl.Decimal(5, 0), "15"),
        (" 1.2345E+02 ", pl.Decimal(12, 2), "123.45"),
        ("-12345e-2", pl.Decimal(12, 2), "-123.45"),
        ("1.50e0", pl.Decimal(12, 1), "1.5"),
        ("123456789012345678.5e2", pl.Decimal(38, 0), "12345678901234567850"),
        ("0e-99", pl.Decimal(12, 2), "0.00"),
    ],
)
def test_number_with_exponent_is_cast_to_decimal(text, dtype, value):
    kept, refused = cast_values(["2.0", text], None, dtype, f"numeric{dtype}")
    assert (kept[1], refused) == (Decimal(value), [])


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("123456789012345678905e-3", pl.Decimal(38, 0)),
        ("1e-400", pl.Decimal(12, 2)),
        ("1.2345e1", pl.Decimal(12, 2)),
        ("1e99999999999", pl.Decimal(12, 2)),
        ("1e10", pl.Decimal(12, 2)),
        ("1e", pl.Decimal(12, 2)),
        ("e1", pl.Decimal(12, 2)),
        ("1_0e1", pl.Decimal(12, 2)),
    ],
)
def test_exponent_text_that_a_decimal_cannot_hold_is_rejected(text, dtype):
    assert cast_values(["2.0", text], None, dtype, f"numeric{dtype}")[1] == [1]


def test_wide_number_with_exponent_is_left_to_the_server():
    texts = ["1.234567e5", "1.234567", "1.2345600 "]
    kept, refused = cast_values(texts, None, pl.String(), "numeric(40,5)")
    assert (sorted(kept), refused) == ([0, 2], [1])
