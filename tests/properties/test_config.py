"""Where settings come from, and which of them holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from propload.config.values import read_size, write_size


@given(st.integers(1, 1 << 50))
def test_a_size_is_read_as_it_was_written(size):
    assert read_size(write_size(size)) == size
