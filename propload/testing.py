"""Doubles in memory, for tests of code that uses propload, and of propload."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from propload.batch import ROW, Batch, Piece, Written, no_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from propload.target import OnRefused


class MemorySource:
    """A source of rows in memory, some in each batch.

    Args:
        rows: The rows.
        chunk_rows: Rows in each batch.
        name: The source's name.
        error: Raised after the last row, where given.
    """

    # no dataclass: those are rows
    def __init__(
        self,
        rows: Sequence[Mapping[str, object]],
        chunk_rows: int = 10,
        name: str = "memory",
        error: BaseException | None = None,
    ) -> None:
        self.rows = rows
        self.chunk_rows = chunk_rows
        self.name = name
        self.error = error

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.rows), self.chunk_rows):
            part = [dict(row) for row in self.rows[start : start + self.chunk_rows]]
            yield Batch(pa.RecordBatch.from_pylist(part), self.name, start + 1)
        if self.error is not None:
            raise self.error


@dataclass(slots=True)
class MemoryTable:
    """A table in memory that several writers share.

    Attributes:
        key: The columns that identify a row.
        rows: The stored rows by key.
        pieces: The pieces written, in order of commit.
    """

    key: tuple[str, ...]
    rows: dict[tuple[object, ...], dict[str, object]] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open_writer(self, lane: int, _on_refused: OnRefused) -> MemoryWriter:
        """Return a writer for a lane; it refuses nothing."""
        return MemoryWriter(self, lane)

    def commit(self, piece: Piece) -> Written:
        """Store a piece at once: the last row of a key wins."""
        inserted = updated = unchanged = 0
        with self._lock:
            for row in pl.concat(piece.rows.layers).drop(ROW).iter_rows(named=True):
                key = tuple(row[name] for name in self.key)
                before = self.rows.get(key)
                inserted += before is None
                unchanged += before == row
                updated += before is not None and before != row
                self.rows[key] = row
            self.pieces.append(piece)
        dropped = piece.rows.duplicates
        return Written(inserted, updated, unchanged, 0, dropped, no_reasons())


@dataclass(slots=True)
class MemoryWriter:
    """A writer into a table in memory.

    Attributes:
        table: The table.
        lane: The lane that owns the writer.
        failures: Errors to raise, one for each of the first writes.
        closed: Whether it was closed.
    """

    table: MemoryTable
    lane: int = 0
    failures: list[BaseException] = field(default_factory=list)
    closed: bool = False

    def write(self, piece: Piece) -> Written:
        """Store a piece, or raise the next failure."""
        if self.failures:
            raise self.failures.pop(0)
        return self.table.commit(piece)

    def cancel(self) -> None:
        """Do nothing: a write into memory is over before it could be broken off."""

    def close(self) -> None:
        """Note that the writer was closed."""
        self.closed = True
