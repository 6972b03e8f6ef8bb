"""Of a table is known what it holds, but for the keys that were sent."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from propload.postgres.writing.stored.known_rows import Fingerprints, KnownRows

#: Few of them, so that keys meet, and the ends of the numbers that hashes can be.
hashes = st.integers(0, 5) | st.integers(2**64 - 3, 2**64 - 1)
stored = st.dictionaries(hashes, hashes, max_size=8)
rows = st.lists(st.tuples(hashes, hashes), max_size=12)


def _prints(pairs):
    keys = [key for key, _ in pairs]
    values = [value for _, value in pairs]
    return Fingerprints(np.array(keys, np.uint64), np.array(values, np.uint64))


@given(stored=stored, asked=rows)
def test_a_row_is_found_where_its_key_has_all_its_values(stored, asked):
    known = KnownRows(_prints(list(stored.items())))
    found = known.find(_prints(asked)).tolist()
    assert found == [stored.get(key) == value for key, value in asked]


@given(stored=stored, sent=st.lists(hashes), asked=rows)
def test_a_key_that_was_sent_is_never_found_again(stored, sent, asked):
    known = KnownRows(_prints(list(stored.items())))
    known.forget(np.array(sent, np.uint64))
    found = known.find(_prints(asked)).tolist()
    left = {key: value for key, value in stored.items() if key not in sent}
    assert found == [left.get(key) == value for key, value in asked]
