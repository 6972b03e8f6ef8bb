"""Values of any shape survive the flat form that pages hold."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from propload_spiders.demo.devalue import Tagged, flatten
from propload_spiders.extraction.payload import Payload

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_was_flattened_is_read_again(value):
    cells = json.loads(flatten({"root": Tagged("Ref", value)}))
    assert Payload(cells).at("root") == value
