"""The known rows of a table, as two hashes of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from propload.postgres.writing.stored.server_hashes import Hashes


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The hashes of rows, in the order of the rows.

    A changed row has the same hash as before once in 2⁶⁴ changes. Nobody can provoke
    that, as each run hashes with a random seed of its own.

    Attributes:
        keys: The hashes of the keys.
        rows: The hashes of all compared columns together.
    """

    keys: Hashes
    rows: Hashes

    @classmethod
    def concatenate(cls, parts: Sequence[Self], /) -> Self:
        """Return the fingerprints of several parts as one."""
        none = [np.empty(0, np.uint64)]
        return cls(
            np.concatenate([part.keys for part in parts] or none),
            np.concatenate([part.rows for part in parts] or none),
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)


class KnownRows:
    """The known rows of a table; threads may share it if each has its own keys.

    Args:
        stored: The fingerprints of the rows.
    """

    def __init__(self, stored: Fingerprints) -> None:
        # Polars sorts on all cores, in a third of NumPy's time
        order = pl.Series(stored.keys).arg_sort().to_numpy()
        self._keys = stored.keys[order]
        self._rows = stored.rows[order]
        self._is_current = np.ones(len(order), np.bool_)
        # more parts than keys, but at most twice as many: most have one key or none
        bits = max(len(order).bit_length(), 1)
        self._shift = np.uint64(64 - bits)
        self._first = _firsts(self._keys >> self._shift, 2**bits)

    def find(self, rows: Fingerprints, /) -> NDArray[np.bool_]:
        """Return for each row whether it is known to be stored unchanged."""
        if not len(self._keys):
            return np.zeros(len(rows), np.bool_)
        positions = self._positions(rows.keys)
        is_known: NDArray[np.bool_] = self._keys[positions] == rows.keys
        is_known &= self._rows[positions] == rows.rows
        is_known &= self._is_current[positions]
        return is_known

    def forget(self, keys: Hashes, /) -> None:
        """Note that rows with these keys are written, and so no longer known."""
        if not len(self._keys):
            return
        positions = self._positions(keys)
        # keys that are not stored have no position
        self._is_current[positions[self._keys[positions] == keys]] = False

    def _positions(self, keys: Hashes) -> NDArray[np.intp]:
        """Return the position of each key, or that of another key if it is absent."""
        positions: NDArray[np.intp] = self._first[keys >> self._shift].astype(np.intp)
        behind = np.arange(len(positions))
        while len(behind):
            at = positions[behind]
            is_before = (self._keys[at] < keys[behind]) & (at < len(self._keys) - 1)
            behind = behind[is_before]
            positions[behind] += 1
        return positions


def _firsts(parts: Hashes, count: int) -> NDArray[np.int32]:
    """Return the position of the first key in each part, or in the next one with keys.

    Args:
        parts: The part of each key, in ascending order.
        count: How many parts there are.
    """
    sizes = np.bincount(parts.astype(np.intp), minlength=count).astype(np.int32)
    firsts = np.cumsum(sizes, dtype=np.int32) - sizes
    # parts after the last key have no next one: they get the last key's position
    firsts[firsts == len(parts)] = max(len(parts) - 1, 0)
    return firsts
