"""JSON text becomes the value that it says, or none."""

from __future__ import annotations

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.prepare.casting.json_in import read_json

QUICK = settings(max_examples=50)
SCALARS = {
    pl.String(): st.text(st.characters(exclude_categories=["Cs"])),
    pl.Int64(): st.integers(-(2**63), 2**63 - 1),
    pl.Float64(): st.floats(allow_nan=False, allow_infinity=False),
    pl.Boolean(): st.booleans(),
}


def nested(inner):
    names = st.text("ab*^.$ ", max_size=3)
    fields = st.dictionaries(names, inner, min_size=1, max_size=3)
    return inner.map(pl.List) | fields.map(pl.Struct)


TYPES = st.recursive(st.sampled_from(list(SCALARS)), nested, max_leaves=6)


def values(dtype):
    """Return what draws values of a type."""
    if isinstance(dtype, pl.List):
        return st.none() | st.lists(values(dtype.inner), max_size=3)
    if isinstance(dtype, pl.Struct):
        fields = {field.name: values(field.dtype) for field in dtype.fields}
        return st.none() | st.fixed_dictionaries(fields)
    return st.none() | SCALARS[dtype]


def read(texts, target):
    conversion = read_json(pl.col("v"), target)
    return pl.DataFrame({"v": texts}, schema={"v": pl.String}).select(conversion.value)


@QUICK
@given(st.data())
def test_every_value_comes_back(data):
    target = data.draw(TYPES.filter(lambda dtype: dtype.is_nested()))
    given_values = data.draw(st.lists(values(target), max_size=4))
    texts = [None if v is None else json.dumps(v) for v in given_values]
    found = read(texts, target)["v"]
    assert found.dtype == target
    assert found.to_list() == given_values


@QUICK
@given(st.data())
def test_a_text_is_read_whole_or_not_at_all(data):
    target = data.draw(TYPES.filter(lambda dtype: dtype.is_nested()))
    other = data.draw(TYPES)
    value = data.draw(values(other))
    found = read([json.dumps(value)], target)["v"].to_list()[0]
    if found is not None:
        assert leaves(found) == leaves(value)


def leaves(value):
    """Return the texts of what is not null within a value, by where it stands."""
    if isinstance(value, dict):
        named = {name: leaves(one) for name, one in value.items()}
        return {name: one for name, one in named.items() if one not in (None, {})}
    if isinstance(value, list):
        return [leaves(one) for one in value]
    if isinstance(value, (bool, int, float)):
        return float(value)
    try:
        return value and float({"true": "1", "false": "0"}.get(value, value))
    except ValueError:
        return value
