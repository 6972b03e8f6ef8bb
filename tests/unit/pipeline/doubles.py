"""Doubles of a table and its writers, in memory, for tests of pipelines."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, Piece, no_reasons
from propload.report import Counts
from propload.target import Written

if TYPE_CHECKING:
    from propload.target import OnRefused


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

    def open_writer(self, lane: int, _on_rejected: OnRefused) -> MemoryWriter:
        """Return a writer for a lane; it rejects no rows."""
        return MemoryWriter(self, lane)

    def commit(self, piece: Piece) -> Written:
        """Store a piece atomically; the last row of a key wins."""
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
        counts = Counts(
            inserted=inserted, updated=updated, unchanged=unchanged, duplicates=dropped
        )
        return Written(counts, no_reasons())


@dataclass
class AroundWriter:
    """The base of writers that wrap another one and change its behaviour.

    Attributes:
        writer: The wrapped writer.
        on_rejected: Called with rejected rows before they are left out.
    """

    writer: MemoryWriter
    on_rejected: OnRefused

    def get_ready(self) -> None:
        """Prepare the wrapped writer."""
        self.writer.get_ready()

    def write(self, piece: Piece) -> Written:
        """Write a piece with the wrapped writer."""
        return self.writer.write(piece)

    def cancel(self) -> None:
        """Cancel the wrapped writer."""
        self.writer.cancel()

    def close(self) -> None:
        """Close the wrapped writer."""
        self.writer.close()


@dataclass(slots=True)
class MemoryWriter:
    """A writer into a table in memory.

    Attributes:
        table: The table.
        lane: The lane that owns the writer.
        failures: Errors to raise, one per write, before any write succeeds.
        is_ready: Whether `get_ready` was called.
        closed: Whether `close` was called.
    """

    table: MemoryTable
    lane: int = 0
    failures: list[BaseException] = field(default_factory=list)
    is_ready: bool = False
    closed: bool = False

    def get_ready(self) -> None:
        """Note that it was called."""
        self.is_ready = True

    def write(self, piece: Piece) -> Written:
        """Store a piece, or raise the next failure."""
        if self.failures:
            raise self.failures.pop(0)
        return self.table.commit(piece)

    def cancel(self) -> None:
        """Do nothing: a write into memory ends before it could be cancelled."""

    def close(self) -> None:
        """Note that the writer was closed."""
        self.closed = True
