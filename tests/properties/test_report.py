"""Counts add up, and one that does not is an error."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propload.errors import CountsError
from propload.report import (
    Counts,
)

counts = st.builds(Counts, *[st.integers(0, 100)] * 7)


@given(counts, counts)
def test_counts_add_up_column_by_column(one, other):
    both = one + other
    assert both.read == one.read + other.read
    assert both.accounted == one.accounted + other.accounted


@given(counts)
def test_a_row_that_is_not_accounted_for_is_an_error(one):
    replace(one, read=one.accounted).verify()
    with pytest.raises(CountsError, match="accounted"):
        replace(one, read=one.accounted + 1).verify()


@given(counts, st.sampled_from(["updated", "unchanged", "stale"]))
def test_a_count_below_zero_is_an_error_though_the_sum_is_right(one, name):
    too_many = getattr(one, name) + 1
    wrong = replace(one, **{name: -1}, inserted=one.inserted + too_many)
    assert not wrong.possible
    with pytest.raises(CountsError, match=f"{name}=-1"):
        replace(wrong, read=wrong.accounted).verify()
