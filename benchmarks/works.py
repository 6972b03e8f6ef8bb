"""The works that propload and its peers do: made-up listings, or files given."""

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
    """What is to be done.

    Attributes:
        name: What it is called.
        stored: The rows in the table before.
        given: The rows to load.
        result: The rows in the table afterwards.
    """

    name: str
    stored: pl.DataFrame
    given: pl.DataFrame
    result: pl.DataFrame


class Works(Protocol):
    """Works on rows of one kind."""

    @property
    def layout(self) -> Layout:
        """What the rows are."""

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for."""

    def work(self, name: str, rows: int, /) -> Work:
        """Return a work of at most so many rows."""


@dataclass(frozen=True, slots=True)
class ListingWorks:
    """Works on made-up listings.

    Attributes:
        layout: What the rows are.
        names: What can be asked for.
        by_key: Whether rows are stored and given in the order of their key.
    """

    layout: Layout = LISTINGS
    names: tuple[str, ...] = (NEW, UNCHANGED, CHANGED, OVERLAP)
    by_key: bool = False

    def work(self, name: str, rows: int, /) -> Work:
        """Return a work of so many rows."""
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
    """Works on the rows of one file, or of a second one over those of the first.

    Attributes:
        layout: What the rows are.
        files: The rows of each file, a key once in each.
    """

    layout: Layout
    files: tuple[pl.DataFrame, ...]

    @classmethod
    def read(cls, paths: Sequence[Path], key: tuple[str, ...], /) -> FileWorks:
        """Return the works on CSV files, packed or not; types are the first one's.

        Raises:
            ValueError: A key stands twice in a file, or is no column of it.
        """
        first = pl.read_csv(paths[0], try_parse_dates=True, infer_schema_length=None)
        others = [pl.read_csv(path, schema=first.schema) for path in paths[1:]]
        for path, frame in zip(paths, (first, *others), strict=True):
            _check_key(path, frame, key)
        return cls(Layout(column_types(first), key), (first, *others))

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for."""
        return (NEW, UNCHANGED, SECOND) if len(self.files) > 1 else (NEW, UNCHANGED)

    def work(self, name: str, rows: int, /) -> Work:
        """Return a work of at most so many rows of each file."""
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
