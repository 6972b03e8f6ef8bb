"""Rejected rows as a source, fixed by a function of the user if there is one."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import OWN_NAMES, Batch, Unread
from propload.earlier_runs.fixing import apply_fix, as_rows, fix_fingerprint
from propload.errors import ConfigError
from propload.rejecting.lines import chunk_lines, each_line, lines_in_order, piece_of
from propload.rejecting.type_inference import rows_as_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from propload.earlier_runs.fixing import Fix
    from propload.rejecting.lines import Line

log = logging.getLogger(__name__)

#: Batch number and lane of committed pieces.
Pieces = frozenset[tuple[int, int]]
#: The most rows, of one source and with the same columns, that are fixed together.
ROWS_AT_ONCE = 10_000
#: The most bytes of them, for long rows; Python objects take several times as many.
BYTES_AT_ONCE = 16 << 20
#: Bytes that are fixed before the first row is loaded: if that fails, none is loaded.
BYTES_AHEAD = 32 << 20
#: Separates the parts of a fingerprint: number of rows, their hash, hash of the fix.
_JOINT = "+"
#: Prefix of the source's name; the id of the run follows.
REJECTS_OF = "rejects of "


def was_read(line: Line, /) -> bool:
    """Return whether a rejected row was read, so that it can be loaded again.

    It cannot if its columns were removed from the file, so it stays there.
    """
    return bool(line["values"])


def has_rows(path: Path, /) -> bool:
    """Return whether a file of rejected rows holds one that can be loaded again."""
    try:
        return any(RejectSource(path).lines())
    except FileNotFoundError:
        # another process may drop it at any time
        return False


def rejects_of(run_id: str, /) -> str:
    """Return the name of the rejected rows of a run as a source."""
    return f"{REJECTS_OF}{run_id}"


def run_replayed(source: str, /) -> str:
    """Return the run whose rejected rows a source name denotes; empty for others."""
    run_id = source.removeprefix(REJECTS_OF)
    return "" if run_id == source else run_id


def rows_begun_with(fingerprint: str | None, /) -> int:
    """Return how many rows a `RejectSource` had, by its fingerprint; 0 for others."""
    count = (fingerprint or "").partition(_JOINT)[0]
    return int(count) if count.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class _FileSummary:
    """What one pass over a file of rejected rows found.

    Attributes:
        loaded: How many rows are to be loaded.
        waiting: How many rows will be read again with their batch.
        digest: The hash of the rows to be loaded.
    """

    loaded: int
    waiting: int
    digest: str


@dataclass(frozen=True)
class RejectSource:
    """Rejected rows as a source; each keeps its source and its number there.

    One pass over the file answers all questions about it, so the file must be locked.
    After changing it, make a new `RejectSource`.

    Attributes:
        path: The file of the run that rejected the rows.
        fix: Fixes them, or None.
        committed_pieces: The committed pieces; rows of others are not loaded. None if
            all rows may be loaded.
        limit: How many of these rows to load, from the beginning of the file; None for
            all.
    """

    path: Path
    fix: Fix | None = None
    committed_pieces: Pieces | None = None
    limit: int | None = None

    @property
    def name(self) -> str:
        """The name of the source."""
        return rejects_of(self.path.stem)

    @property
    def rereadable(self) -> bool:
        """Whether iterating again gives the same rows."""
        return True

    def fingerprint(self) -> str | None:
        """Return the number of rows, their hash, and a hash of the fix."""
        fix = hashlib.sha256(fix_fingerprint(self.fix).encode())
        return f"{self._rows_fingerprint()}{_JOINT}{fix.hexdigest()}"

    def is_of_same_rows(self, fingerprint: str | None, /) -> bool:
        """Return whether another source had the same rows, whatever its fix."""
        return (fingerprint or "").rpartition(_JOINT)[0] == self._rows_fingerprint()

    def _rows_fingerprint(self) -> str:
        return f"{self._summary.loaded}{_JOINT}{self._summary.digest}"

    @cached_property
    def _summary(self) -> _FileSummary:
        loaded, waiting, hashed = 0, 0, hashlib.sha256()
        is_loaded = self.loadable_predicate()
        for text, line in each_line(self.path):
            if is_loaded(line):
                loaded += 1
                hashed.update(text)
            elif was_read(line) and not self._is_committed(line):
                waiting += 1
        return _FileSummary(loaded, waiting, hashed.hexdigest())

    def beginning(self, rows: int, /) -> RejectSource:
        """Return a source of only the first of these rows.

        A resumed run keeps the lines of its committed pieces, and appends the rows that
        it rejects from then on to the file.
        """
        return self if rows == self.count() else replace(self, limit=rows)

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the rows to load, in the order of the file."""
        is_loaded = self.loadable_predicate()
        return (line for _, line in each_line(self.path) if is_loaded(line))

    def count(self) -> int:
        """Return how many rows are to be loaded."""
        return self._summary.loaded

    def count_before(self, moment: datetime, /) -> int:
        """Return how many of the rows to load were rejected before a moment.

        A row whose time was removed from the file counts as earlier.
        """
        return sum(is_before(moment, line) for line in self.lines())

    def count_waiting(self) -> int:
        """Return how many rows are not loaded, as they will come with their batch."""
        return self._summary.waiting

    def loadable_predicate(self) -> Callable[[Line], bool]:
        """Return a predicate that says which lines are loaded; call it in file order.

        A line is loaded if its row was read and will not be read again with its batch.
        """
        numbers = itertools.count()

        def is_loaded(line: Line) -> bool:
            if not (was_read(line) and self._is_committed(line)):
                return False
            return self.limit is None or next(numbers) < self.limit

        return is_loaded

    def _is_committed(self, line: Line) -> bool:
        return self.committed_pieces is None or piece_of(line) in self.committed_pieces

    def __iter__(self) -> Iterator[Batch]:
        lines = lines_in_order(self.path, self.loadable_predicate())
        parts = (
            part
            for _, alike in itertools.groupby(lines, lambda one: _kind(one[1]))
            for part in chunk_lines(alike, ROWS_AT_ONCE, BYTES_AT_ONCE)
        )
        return map(self._batch, parts) if self.fix is None else self._fixed_ahead(parts)

    def _fixed_ahead(self, parts: Iterator[list[Line]]) -> Iterator[Batch]:
        """Yield batches, after fixing the first `BYTES_AHEAD` of them.

        If the fix fails on one of those, no row is loaded, as it is probably wrong for
        all. Rows on which it fails later are rejected again: the rows before them are
        loaded already, and must not be added again with another fix.
        """
        fixed: deque[Batch] = deque()
        size = 0
        for part in parts:
            fixed.append(self._batch(part))
            size += fixed[-1].nbytes
            if size > BYTES_AHEAD:
                break
        while fixed:
            yield fixed.popleft()
        yield from map(self._batch_or_unread, parts)

    def _batch_or_unread(self, part: list[Line]) -> Batch:
        """Return fixed rows; if the fix fails, the rows as they are, as unread."""
        try:
            return self._batch(part)
        except ConfigError as error:
            unfixed = rows_as_read([line["values"] for line in part])
            if not OWN_NAMES.isdisjoint(unfixed.columns):
                # as rows they would be refused: they have names reserved by propload
                raise
            log.warning(
                "%s: they are rejected again, for another fix to correct", error
            )
            faults = (Unread(line["row"], "", "fix", str(error)) for line in part)
            return Batch(
                as_rows(pl.DataFrame()),
                part[0]["source"],
                part[0]["row"],
                untyped=True,
                unread=tuple(faults),
                as_of=_moment_of(part),
                left=as_rows(unfixed),
            )

    def _batch(self, part: list[Line]) -> Batch:
        source = part[0]["source"]
        read = rows_as_read([line["values"] for line in part])
        numbers = tuple(line["row"] for line in part)
        if self.fix is None:
            rows = as_rows(read)
        else:
            rows, numbers = apply_fix(read, numbers, source, self.fix)
        return Batch(
            rows,
            source,
            numbers[0] if numbers else 1,
            numbers,
            untyped=True,
            as_of=_moment_of(part),
        )


def is_before(moment: datetime, line: Line, /) -> bool:
    """Return whether a row was rejected before a moment; True if it has no time."""
    try:
        return datetime.fromisoformat(line["time"]) < moment
    except (KeyError, TypeError, ValueError):
        return True


def _moment_of(part: list[Line]) -> datetime | None:
    moment = part[0].get("as_of")
    return datetime.fromisoformat(moment) if moment else None


def _kind(line: Line) -> tuple[object, ...]:
    """Return what the rows of a batch must share: columns, or nulls would be added."""
    return line["source"], line.get("as_of"), tuple(line["values"])
