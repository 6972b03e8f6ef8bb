"""Nulls, and what stands twice, over all rows of a check."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from propload.checking.report import ColumnCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Repeats:
    """Counts rows or values that stand twice, by a hash of 8 bytes for each."""

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


class ColumnCounts:
    """Counts what columns hold, in 8 bytes for each value of one without repeats."""

    def __init__(self) -> None:
        self._nulls: Counter[str] = Counter()
        self._values: dict[str, Repeats] = {}
        self._repeated: set[str] = set()

    def add(self, columns: Iterable[pl.Series]) -> None:
        """Count values of columns; one may come in several parts."""
        for column in columns:
            self._nulls[column.name] += column.null_count()
            # no value is not one that stands once
            if column.len() and column.name not in self._repeated:
                self._note(column)

    def told(self, types: Mapping[str, tuple[str, str]]) -> tuple[ColumnCheck, ...]:
        """Return what was counted.

        Args:
            types: Each column's type in the rows and in the table.
        """
        once = {name for name, seen in self._values.items() if not seen.count}
        return tuple(
            ColumnCheck(name, *pair, nulls=self._nulls[name], distinct=name in once)
            for name, pair in types.items()
        )

    def _note(self, column: pl.Series) -> None:
        found = hashes(column.to_frame())
        if found.n_unique() < found.len():
            self._repeated.add(column.name)
            self._values.pop(column.name, None)
        else:
            self._values.setdefault(column.name, Repeats()).add(found)
