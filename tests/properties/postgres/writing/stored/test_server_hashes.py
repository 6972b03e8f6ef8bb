"""A row's hash is its own, and that of no other row."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from propload.postgres.writing.stored.server_hashes import combine_hashes, hash_columns


def hash_rows(frame, seed):
    return combine_hashes(hash_columns(frame, seed))


def _hashed(values, dtype):
    return hash_rows(pl.DataFrame({"v": pl.Series(values, dtype=dtype)}), 7).tolist()


@given(texts=st.lists(st.none() | st.text(max_size=60), max_size=40), data=st.data())
def test_the_hash_of_a_row_does_not_depend_on_those_beside_it(texts, data):
    frame = pl.DataFrame({"v": pl.Series(texts, dtype=pl.String)})
    alone = [hash_rows(frame[n : n + 1], 7)[0] for n in range(frame.height)]
    start = data.draw(st.integers(0, frame.height))
    parts = pl.concat([frame[start:], frame[:start]], rechunk=False)
    assert hash_rows(parts, 7).tolist() == alone[start:] + alone[:start]


@given(
    texts=st.lists(st.text(max_size=40), min_size=2, max_size=60, unique=True),
    numbers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, unique=True),
)
def test_different_values_have_different_hashes(texts, numbers):
    assert len(set(_hashed(texts, pl.String()))) == len(texts)
    assert len(set(_hashed(numbers, pl.Int64()))) == len(numbers)
