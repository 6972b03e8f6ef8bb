"""A path finds each value of an object, whatever lies beside it."""

from __future__ import annotations

import json

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from propload.prepare.mapping import MapContext, load_mapping
from propload.prepare.mapping.nested import value_at

NAMES = st.text(min_size=1, max_size=3).filter(lambda name: "." not in name)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=12,
)


def members(value):
    if isinstance(value, dict):
        return list(value.items())
    return [(str(n), v) for n, v in enumerate(value)] if isinstance(value, list) else []


def paths(value, before=()):
    """Yield the path and the value of everything within a value."""
    for name, inner in members(value):
        path = (*before, name)
        yield ".".join(path), inner
        yield from paths(inner, path)


@given(VALUES)
def test_path_leads_to_each_value(value):
    for path, inner in paths(value):
        assert value_at(value, path) == inner


@given(st.lists(st.dictionaries(st.sampled_from("ab"), LEAVES), min_size=1))
def test_column_of_values_found_is_read_as_if_it_were_a_column_itself(objects):
    def mapped(columns, rule):
        mapping = load_mapping({"columns": {"made": rule}})
        sifted = mapping.apply(pl.DataFrame(columns), MapContext())
        assert sifted.reasons.is_empty()
        return sifted.frame["made"].to_list()

    texts = [json.dumps(one) for one in objects]
    within = mapped({"home": texts}, {"from": "home", "path": "a"})
    values = [
        None if one.get("a") is None else as_json_text(one["a"]) for one in objects
    ]
    assert within == mapped({"a": pl.Series(values, dtype=pl.String)}, {"from": "a"})


def as_json_text(value):
    return value if isinstance(value, str) else json.dumps(value)
