"""The workloads of propload and its peers: generated listings, or given files."""

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
class Workload:
    """A load to be measured.

    Attributes:
        name: Its name.
        stored: The rows in the table before.
        incoming: The rows to load.
        result: The rows in the table afterwards.
    """

    name: str
    stored: pl.DataFrame
    incoming: pl.DataFrame
    result: pl.DataFrame


class Workloads(Protocol):
    """Workloads of rows with one layout."""

    @property
    def layout(self) -> Layout:
        """The layout of the rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the workloads."""

    def workload(self, name: str, rows: int, /) -> Workload:
        """Return a workload with at most `rows` rows."""


@dataclass(frozen=True, slots=True)
class ListingWorkloads:
    """Workloads of generated listings.

    Attributes:
        layout: The layout of the rows.
        names: The names of the workloads.
        by_key: Whether rows are stored and loaded in the order of their key.
    """

    layout: Layout = LISTINGS
    names: tuple[str, ...] = (NEW, UNCHANGED, CHANGED, OVERLAP)
    by_key: bool = False

    def workload(self, name: str, rows: int, /) -> Workload:
        """Return a workload with `rows` rows."""
        made = self._make(name, listings(rows))
        return replace(
            made,
            stored=ordered(made.stored, by_key=self.by_key),
            incoming=ordered(made.incoming, by_key=self.by_key),
        )

    @staticmethod
    def _make(name: str, base: pl.DataFrame) -> Workload:
        if name == NEW:
            return Workload(name, base.head(0), base, base)
        if name == OVERLAP:
            incoming = overlapping(base, 0.5)
            kept = base.head(base.height - base.height // 2)
            return Workload(name, base, incoming, kept.vstack(incoming))
        incoming = changed(base, 0.05 if name == CHANGED else 0.0)
        return Workload(name, base, incoming, incoming)


@dataclass(frozen=True, slots=True)
class FileWorkloads:
    """Workloads of the rows of one file, or of a second file loaded over the first.

    Attributes:
        layout: The layout of the rows.
        files: The rows of each file, in which keys are unique.
    """

    layout: Layout
    files: tuple[pl.DataFrame, ...]

    @classmethod
    def read(cls, paths: Sequence[Path], key: tuple[str, ...], /) -> FileWorkloads:
        """Return the workloads of CSV files, compressed or not; the first sets types.

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
        """The names of the workloads."""
        return (NEW, UNCHANGED, SECOND) if len(self.files) > 1 else (NEW, UNCHANGED)

    def workload(self, name: str, rows: int, /) -> Workload:
        """Return a workload with at most `rows` rows of each file."""
        stored, incoming = self.files[0].head(rows), self.files[-1].head(rows)
        if name == NEW:
            return Workload(name, stored.head(0), stored, stored)
        if name == UNCHANGED:
            return Workload(name, stored, stored, stored)
        kept = stored.join(incoming, on=self.layout.key, how="anti", nulls_equal=True)
        return Workload(name, stored, incoming, kept.vstack(incoming))


def _check_key(path: Path, frame: pl.DataFrame, key: tuple[str, ...]) -> None:
    absent = [name for name in key if name not in frame.columns]
    if absent:
        msg = f"{path.name} has no column {', '.join(absent)}"
        raise ValueError(msg)
    if frame.select(key).n_unique() < frame.height:
        msg = f"{path.name}: {', '.join(key)} does not name each row once"
        raise ValueError(msg)
