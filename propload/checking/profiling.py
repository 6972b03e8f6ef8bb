"""Counts nulls and repeated values over all rows of a check."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from propload.checking.report import ColumnCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Repeats:
    """Counts repeated rows or values, with a hash of 8 bytes for each."""

    def __init__(self) -> None:
        self._hashes: list[pl.Series] = []

    def add(self, hashes: pl.Series) -> None:
        """Add the hashes of more rows."""
        self._hashes.append(hashes)

    @property
    def count(self) -> int:
        """How many rows repeat an earlier one."""
        if not self._hashes:
            return 0
        all_hashes = pl.concat(self._hashes)
        return all_hashes.len() - all_hashes.n_unique()


def hashes(frame: pl.DataFrame) -> pl.Series:
    """Return a hash of each row; different rows share one only by chance."""
    return frame.hash_rows(seed=0)


class ColumnCounts:
    """Counts nulls and finds repeated values, by column.

    Takes 8 bytes for each value of a column, until a part of it has a repeat.
    """

    def __init__(self) -> None:
        self._nulls: Counter[str] = Counter()
        self._values: dict[str, Repeats] = {}
        self._repeated: set[str] = set()

    def add(self, columns: Iterable[pl.Series]) -> None:
        """Count values of columns; a column may come in several parts."""
        for column in columns:
            self._nulls[column.name] += column.null_count()
            # an empty column is never noted, so it is not reported as distinct
            if column.len() and column.name not in self._repeated:
                self._note(column)

    def checks(self, types: Mapping[str, tuple[str, str]]) -> tuple[ColumnCheck, ...]:
        """Return the counts of each column.

        Args:
            types: The type of each column in the rows, and in the table.
        """
        distinct = {name for name, seen in self._values.items() if not seen.count}
        return tuple(
            ColumnCheck(name, *pair, nulls=self._nulls[name], distinct=name in distinct)
            for name, pair in types.items()
        )

    def _note(self, column: pl.Series) -> None:
        value_hashes = hashes(column.to_frame())
        if value_hashes.n_unique() < value_hashes.len():
            self._repeated.add(column.name)
            self._values.pop(column.name, None)
        else:
            self._values.setdefault(column.name, Repeats()).add(value_hashes)
