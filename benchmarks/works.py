"""The works that propload and its peers do, on generated listings or given files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from benchmarks.layout import Layout, column_types
from benchmarks.listings import LISTINGS, changed, listings, ordered, overlapping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NEW = "new table"
UNCHANGED = "unchanged"
CHANGED = "5 % changed"
OVERLAP = "50 % overlap"
SECOND = "second file over the first"


@dataclass(frozen=True, slots=True)
class Work:
    """A load to be measured.

    Attributes:
        name: Its name.
        stored: The rows in the table before.
        given: The rows to load.
        result: The rows in the table afterwards.
    """

    name: str
    stored: pl.DataFrame
    given: pl.DataFrame
    result: pl.DataFrame


class Works(Protocol):
    """Works on rows with one layout."""

    @property
    def layout(self) -> Layout:
        """The layout of the rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the works."""

    def work(self, name: str, rows: int, /) -> Work:
        """Return a work with at most `rows` rows."""


@dataclass(frozen=True, slots=True)
class ListingWorks:
    """Works on generated listings.

    Attributes:
        layout: The layout of the rows.
        names: The names of the works.
        by_key: Whether rows are stored and loaded in the order of their key.
    """

    layout: Layout = LISTINGS
    names: tuple[str, ...] = (NEW, UNCHANGED, CHANGED, OVERLAP)
    by_key: bool = False

    def work(self, name: str, rows: int, /) -> Work:
        """Return a work with `rows` rows."""
        made = self._make(name, listings(rows))
        return replace(
            made,
            stored=ordered(made.stored, by_key=self.by_key),
            given=ordered(made.given, by_key=self.by_key),
        )

    @staticmethod
    def _make(name: str, base: pl.DataFrame) -> Work:
        if name == NEW:
            return Work(name, base.head(0), base, base)
        if name == OVERLAP:
            given = overlapping(base, 0.5)
            kept = base.head(base.height - base.height // 2)
            return Work(name, base, given, kept.vstack(given))
        given = changed(base, 0.05 if name == CHANGED else 0.0)
        return Work(name, base, given, given)


@dataclass(frozen=True, slots=True)
class FileWorks:
    """Works on the rows of one file, or of a second file loaded over the first.

    Attributes:
        layout: The layout of the rows.
        files: The rows of each file, in which keys are unique.
    """

    layout: Layout
    files: tuple[pl.DataFrame, ...]

    @classmethod
    def read(cls, paths: Sequence[Path], key: tuple[str, ...], /) -> FileWorks:
        """Return the works on CSV files, compressed or not; the first sets the types.

        Raises:
            ValueError: A file has a duplicate key, or lacks a column of the key.
        """
        first = pl.read_csv(paths[0], try_parse_dates=True, infer_schema_length=None)
        others = [pl.read_csv(path, schema=first.schema) for path in paths[1:]]
        for path, frame in zip(paths, (first, *others), strict=True):
            _check_key(path, frame, key)
        return cls(Layout(column_types(first), key), (first, *others))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the works."""
        return (NEW, UNCHANGED, SECOND) if len(self.files) > 1 else (NEW, UNCHANGED)

    def work(self, name: str, rows: int, /) -> Work:
        """Return a work with at most `rows` rows of each file."""
        stored, given = self.files[0].head(rows), self.files[-1].head(rows)
        if name == NEW:
            return Work(name, stored.head(0), stored, stored)
        if name == UNCHANGED:
            return Work(name, stored, stored, stored)
        kept = stored.join(given, on=self.layout.key, how="anti", nulls_equal=True)
        return Work(name, stored, given, kept.vstack(given))


def _check_key(path: Path, frame: pl.DataFrame, key: tuple[str, ...]) -> None:
    absent = [name for name in key if name not in frame.columns]
    if absent:
        msg = f"{path.name} has no column {', '.join(absent)}"
        raise ValueError(msg)
    if frame.select(key).n_unique() < frame.height:
        msg = f"{path.name}: {', '.join(key)} does not name each row once"
        raise ValueError(msg)
