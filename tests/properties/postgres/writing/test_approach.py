"""How a piece is tried again: rows that lost to refused ones have their turn."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.postgres.writing.approach import Approach
from propload.prepare.dedupe import dedupe

QUICK = settings(max_examples=50)
KEY = ("k",)


def frame_of(keys):
    return pl.DataFrame({"k": keys}, schema={"k": pl.Int64}).with_row_index(ROW)


def approach_of(keys, **told):
    deduped = dedupe(frame_of(keys), key=KEY)
    return Approach(deduped.layers, deduped.versions, **told)


def rows_of(frame):
    return frame[ROW].to_list()


def refused(*rows):
    return pl.Series(rows, dtype=pl.UInt32)


@QUICK
@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.data())
def test_every_row_is_written_once_or_a_duplicate(keys, data):
    approach = approach_of(keys)
    for _ in range(2):
        written = [row for layer in approach.layers for row in rows_of(layer)]
        bad = data.draw(st.lists(st.sampled_from(written), min_size=1, unique=True))
        again = approach.with_versions_of(refused(*bad), KEY)
        if again is None:
            continue
        rows = [row for layer in again.layers for row in rows_of(layer)]
        assert len(rows) == len(set(rows)) == len(keys) - again.duplicates
        assert again.is_by_row(len(again.layers) - 1)
        told = rows_of(again.layers[-1])
        assert told == sorted(told)
        # all rows of a key that a refused one stood for, those of no other
        counted = {row for row in told if keys.count(keys[row]) > 1}
        assert counted == set(told)
        assert {keys[r] for r in bad if keys.count(keys[r]) > 1} <= {
            keys[row] for row in told
        }
        approach = again
