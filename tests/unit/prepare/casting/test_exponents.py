"""Numbers with an exponent, as R writes 1e+05 and other programs long floats."""

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
def test_an_exponent_moves_the_point(text, dtype, value):
    read, refused = cast_values(["2.0", text], None, dtype, f"numeric{dtype}")
    assert (read[1], refused) == (Decimal(value), [])


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
def test_what_a_decimal_cannot_hold_is_refused(text, dtype):
    assert cast_values(["2.0", text], None, dtype, f"numeric{dtype}")[1] == [1]


def test_the_server_judges_exponents_of_wider_numbers():
    texts = ["1.234567e5", "1.234567", "1.2345600 "]
    read, refused = cast_values(texts, None, pl.String(), "numeric(40,5)")
    assert (sorted(read), refused) == ([0, 2], [1])
