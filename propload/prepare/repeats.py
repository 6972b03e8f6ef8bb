"""Whether rows or values stand twice, in 8 bytes each."""

from __future__ import annotations

import polars as pl


class Repeats:
    """Counts values that stand twice; two rows share a 64-bit hash by chance only."""

    def __init__(self) -> None:
        self._hashes: list[pl.Series] = []

    def add(self, hashes: pl.Series) -> None:
        """Note the hashes of more rows."""
        self._hashes.append(hashes)

    @property
    def count(self) -> int:
        """The rows that repeat an earlier one."""
        if not self._hashes:
            return 0
        every = pl.concat(self._hashes)
        return every.len() - every.n_unique()


def hashes(frame: pl.DataFrame) -> pl.Series:
    """Return a hash of each row; two of different ones are alike by chance only."""
    return frame.hash_rows(seed=0)
