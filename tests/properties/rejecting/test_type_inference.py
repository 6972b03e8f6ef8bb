"""Values of JSON, whatever they are and in whatever parts they come."""

import json
import math

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from propload.rejecting.type_inference import GrowingColumn, SeenValues

NUMBERS = st.integers(-3, 3) | st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**63])
TEXTS = st.text("ab\u20ac", max_size=2)
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.floats(allow_nan=False, width=16), TEXTS
)
#: Values of one shape each, as a column mostly holds, and some of any.
SHAPES = [
    NUMBERS | st.none(),
    NUMBERS | st.floats(-4, 4),
    st.lists(NUMBERS | st.none(), max_size=2),
    st.lists(st.lists(TEXTS, max_size=2), max_size=2),
    st.fixed_dictionaries({"a": st.none() | NUMBERS, "b": st.lists(TEXTS, max_size=1)}),
    st.fixed_dictionaries({"a": st.fixed_dictionaries({"c": SCALARS})}),
    st.fixed_dictionaries({"b": TEXTS}, optional={"a": NUMBERS}),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
        ),
        max_leaves=4,
    ),
]
PARTS = st.sampled_from(SHAPES).flatmap(
    lambda shape: st.lists(
        st.lists(st.none() | shape, min_size=1, max_size=4), min_size=1, max_size=4
    )
)


def text(value):
    return json.dumps(value, sort_keys=True)


def as_written(value):
    """Return a value, whole floats as the whole numbers that they may have been."""
    if isinstance(value, dict):
        return {name: as_written(one) for name, one in value.items()}
    if isinstance(value, list):
        return [as_written(one) for one in value]
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) <= 2**53
    return int(value) if is_whole and text(value) != "-0.0" else value


def is_kept(value, found, dtype):
    """Return whether a value is itself, a float of its value, or its text."""
    if value is None or (isinstance(value, str) and dtype == pl.String):
        return found == value
    if dtype == pl.String and value in (math.inf, -math.inf):
        # JSON has no word for it, and what stands alone is written as other texts are
        return found == str(value)
    if dtype == pl.String:
        return text(json.loads(found)) == text(as_written(value))
    if pl.Float64 in (dtype, getattr(dtype, "inner", None)):
        return found == value
    return text(found) == text(value)


def grown(parts):
    column, start = GrowingColumn("of"), 0
    for part in parts:
        column.add(start, part)
        start += len(part)
    rows = start
    if column.needs_reconversion:
        start = 0
        for part in parts:
            column.convert(start, part)
            start += len(part)
    return column.to_series(rows)


@settings(max_examples=300)
@given(PARTS)
@example([[[], math.inf]])
def test_parts_make_no_difference_and_no_value_is_lost(parts):
    values = [value for part in parts for value in part]
    seen = SeenValues()
    seen.add(values)
    whole = seen.column("of", values)
    for value, found in zip(values, whole.to_list(), strict=True):
        assert is_kept(value, found, whole.dtype)
    other = grown(parts)
    assert other.dtype == whole.dtype
    assert other.to_list() == whole.to_list()
