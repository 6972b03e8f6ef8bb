"""Casting is exact or says so: what reference facts call silently wrong, and more."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.values.python_text import as_text
from tests.unit.prepare.casts import cast_values

QUICK = settings(max_examples=25)


whole = st.integers(-(2**63), 2**63 - 1)
NUMBERS = {
    pl.Int64(): whole,
    pl.Int32(): st.integers(-(2**31), 2**31 - 1),
    pl.UInt64(): st.integers(0, 2**64 - 1),
    pl.Float64(): st.floats() | whole.map(float),
    pl.Float32(): st.floats(width=32),
    pl.Decimal(20, 4): st.decimals(-(10**15), 10**15, places=4),
}
TARGETS = [
    pl.Int16(),
    pl.Int32(),
    pl.Int64(),
    pl.Float32(),
    pl.Float64(),
    pl.Decimal(12, 2),
    pl.Decimal(38, 10),
    pl.String(),
]


@QUICK
@given(st.data())
def test_no_number_ever_becomes_another_one(data):
    source = data.draw(st.sampled_from(list(NUMBERS)))
    wanted = data.draw(st.sampled_from(TARGETS))
    values = data.draw(st.lists(st.none() | NUMBERS[source], min_size=1, max_size=8))
    column = pl.Series("value", values, dtype=source)
    found, _ = cast_values(column, source, wanted)
    for row, value in found.items():
        assert is_same(column[row], value, source, wanted)


@QUICK
@given(st.integers(-(2**70), 2**70), st.sampled_from(["", ".0", ".000"]))
def test_a_whole_text_keeps_its_number_or_is_refused(number, zeros):
    for wanted, bits in ((pl.Float32(), 24), (pl.Float64(), 53)):
        kept, refused = cast_values([f"{number}{zeros}"], pl.String(), wanted)
        assert all(int(value) == number for value in kept.values())
        assert not refused or abs(number) > 2**bits


def is_same(before, after, source, wanted):
    if before is None or (isinstance(before, float) and math.isnan(before)):
        return after is None or str(after).lower() == "nan"
    if isinstance(before, float) and math.isinf(before):
        return float(after) == before
    if wanted == pl.Float32:
        # what counts is the shortest decimal that names the number
        shortest = pl.Series([after], dtype=pl.Float32).cast(pl.String)[0]
        return after == before or float(shortest) == float(before)
    if isinstance(before, float):
        # a Float32 of 0.05 is meant as 0.05, not as the double next to it
        return pl.Series([float(after)]).cast(source)[0] == before
    exact = Decimal(str(after)) if isinstance(after, str) else Decimal(after)
    return exact == Decimal(before) or (
        isinstance(before, Decimal) and wanted.is_float() and after == float(before)
    )


@QUICK
@given(
    st.lists(
        st.decimals(
            allow_nan=False,
            allow_infinity=False,
            places=3,
            min_value=-(10**12),
            max_value=10**12,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_decimal_texts_are_kept_to_the_digit_or_refused(numbers):
    texts = [str(number) for number in numbers]
    found, refused = cast_values(texts, pl.String(), pl.Decimal(15, 2))
    for row, value in found.items():
        assert value == numbers[row]
    for row in refused:
        assert round(numbers[row], 2) != numbers[row] or abs(numbers[row]) >= 10**13


@given(st.lists(st.timedeltas(dt.timedelta(-99_999), dt.timedelta(99_999))))
def test_a_span_has_one_text_in_frames_and_in_python(spans):
    found, _ = cast_values(spans, pl.Duration("us"), pl.String(), "text")
    assert list(found.values()) == [as_text(span) for span in spans]
