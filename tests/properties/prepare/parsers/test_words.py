"""Words, and how parsers are found by name."""

from __future__ import annotations

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.prepare.parsers import (
    parse_json,
)

QUICK = settings(max_examples=25)


def read(parse, *texts, **settings_):
    column = pl.Series("text", texts, dtype=pl.String)
    return (
        column.to_frame()
        .select(parse(pl.col("text"), **settings_))
        .to_series()
        .to_list()
    )


@QUICK
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_all_json_is_json(value):
    text = json.dumps(value)
    assert read(parse_json, text) == [text]
