"""Words, and how parsers are found by name."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from propload.prepare.parsers import (
    parse_json,
)
from tests.unit.prepare.parsing import read

QUICK = settings(max_examples=25)


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
