"""What a table is known to hold, and what is forgotten of it."""

from __future__ import annotations

import numpy as np
import pytest

from propload.postgres.writing.stored.known_rows import Fingerprints, KnownRows


def _fingerprints(pairs):
    keys = [key for key, _ in pairs]
    values = [value for _, value in pairs]
    return Fingerprints(np.array(keys, np.uint64), np.array(values, np.uint64))


def test_at_most_one_of_two_keys_with_the_same_hash_is_known():
    known = KnownRows(_fingerprints([(7, 1), (7, 2)]))
    assert sum(known.find(_fingerprints([(7, 1), (7, 2)])).tolist()) <= 1
    known.forget(np.array([7], np.uint64))
    assert not known.find(_fingerprints([(7, 1), (7, 2)])).any()


def test_fingerprints_are_concatenated_in_order():
    joined = Fingerprints.concatenate(
        [_fingerprints([(1, 2)]), _fingerprints([]), _fingerprints([(3, 4)])]
    )
    assert joined.keys.tolist() == [1, 3]
    assert joined.rows.tolist() == [2, 4]
    assert len(Fingerprints.concatenate([])) == 0


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1])
def test_empty_table_has_no_known_rows(key):
    known = KnownRows(_fingerprints([]))
    known.forget(np.array([key], np.uint64))
    assert known.find(_fingerprints([(key, 0)])).tolist() == [False]
