"""Rejected rows as a source, mended by a function of the user's if there is one."""

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
from propload.earlier_runs.fixing import as_rows, mark_of, mend
from propload.errors import ConfigError
from propload.rejecting.lines import each_line, in_parts, lines_in_order, piece_of
from propload.rejecting.type_inference import rows_as_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from propload.earlier_runs.fixing import Fix
    from propload.rejecting.lines import Line

log = logging.getLogger(__name__)

#: Number and lane of pieces that are committed.
Pieces = frozenset[tuple[int, int]]
#: Rows of one source and of the same columns that are mended and loaded together.
ROWS_AT_ONCE = 10_000
#: So many bytes of them, where they are long; as objects they take several times that.
BYTES_AT_ONCE = 16 << 20
#: So many bytes are mended before the first row is loaded: none is if that fails.
BYTES_AHEAD = 32 << 20
#: Between the parts of a fingerprint: how many rows, their hash, that of the fix.
_JOINT = "+"
#: Begins the name of the source, before that of the run.
REJECTS_OF = "rejects of "


def was_read(line: Line, /) -> bool:
    """Return whether a rejected row was read, so that it can be loaded again.

    One whose columns somebody has taken out is none any more, and stays.
    """
    return bool(line["values"])


def has_rows(path: Path, /) -> bool:
    """Return whether a file of rejected rows holds one that can be loaded again."""
    try:
        return any(RejectSource(path).lines())
    except FileNotFoundError:
        # somebody may drop it at any time
        return False


def rejects_of(run_id: str, /) -> str:
    """Return what messages call the rejected rows of a run as a source."""
    return f"{REJECTS_OF}{run_id}"


def run_replayed(source: str, /) -> str:
    """Return the run of whose rejected rows a source is the name; empty of others."""
    run_id = source.removeprefix(REJECTS_OF)
    return "" if run_id == source else run_id


def rows_begun_with(fingerprint: str | None, /) -> int:
    """Return how many rows a source had, by its fingerprint; 0 where it was no such."""
    told = (fingerprint or "").partition(_JOINT)[0]
    return int(told) if told.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look at a file of rejected rows tells.

    Attributes:
        loaded: The rows that are loaded.
        waiting: Those that come with their batch.
        mark: The hash of those that are loaded.
    """

    loaded: int
    waiting: int
    mark: str


@dataclass(frozen=True)
class RejectSource:
    """Rejected rows as a source: each keeps its source and number.

    What is asked of the file before it is read is told by one look at it: somebody has
    to hold it, and whoever has changed it makes another source.

    Attributes:
        path: The file of the run that refused them.
        fix: Mends them, or None.
        settled: The pieces that are committed; the rows of others are left alone. None
            where all rows may be loaded.
        most: Only so many of these rows are loaded, the first of the file; None for
            all.
    """

    path: Path
    fix: Fix | None = None
    settled: Pieces | None = None
    most: int | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return rejects_of(self.path.stem)

    @property
    def rereadable(self) -> bool:
        """Whether iterating again gives the same rows."""
        return True

    def fingerprint(self) -> str | None:
        """Return the number of the rows, their hash, and one of what mends them."""
        fix = hashlib.sha256(mark_of(self.fix).encode())
        return f"{self._rows_mark()}{_JOINT}{fix.hexdigest()}"

    def is_of_same_rows(self, fingerprint: str | None, /) -> bool:
        """Return whether another source had these rows, whatever was to mend them."""
        return (fingerprint or "").rpartition(_JOINT)[0] == self._rows_mark()

    def _rows_mark(self) -> str:
        return f"{self._looked.loaded}{_JOINT}{self._looked.mark}"

    @cached_property
    def _looked(self) -> _Looked:
        loaded, waiting, hashed = 0, 0, hashlib.sha256()
        is_loaded = self.choice()
        for text, line in each_line(self.path):
            if is_loaded(line):
                loaded += 1
                hashed.update(text)
            elif was_read(line) and not self._is_settled(line):
                waiting += 1
        return _Looked(loaded, waiting, hashed.hexdigest())

    def beginning(self, rows: int, /) -> RejectSource:
        """Return the first of these rows as a source: later ones come behind them.

        A run that is gone on with leaves the lines of its committed pieces as they
        stand, and what it rejects from then on comes at the end of the file.
        """
        return self if rows == self.count() else replace(self, most=rows)

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the rows that are loaded, in the order of the file."""
        is_loaded = self.choice()
        return (line for _, line in each_line(self.path) if is_loaded(line))

    def count(self) -> int:
        """Return how many rows are loaded."""
        return self._looked.loaded

    def count_before(self, moment: datetime, /) -> int:
        """Return how many of the rows that are loaded were rejected before a moment.

        One whose time somebody has taken out counts: nobody can tell that it is later.
        """
        return sum(is_before(moment, line) for line in self.lines())

    def count_waiting(self) -> int:
        """Return how many rows are left alone, as they come again with their batch."""
        return self._looked.waiting

    def choice(self) -> Callable[[Line], bool]:
        """Return what tells of each line of the file, in order, if it is loaded.

        It is if it was read, and does not come again.
        """
        numbers = itertools.count()

        def is_loaded(line: Line) -> bool:
            if not (was_read(line) and self._is_settled(line)):
                return False
            return self.most is None or next(numbers) < self.most

        return is_loaded

    def _is_settled(self, line: Line) -> bool:
        return self.settled is None or piece_of(line) in self.settled

    def __iter__(self) -> Iterator[Batch]:
        found = lines_in_order(self.path, self.choice())
        parts = (
            part
            for _, alike in itertools.groupby(found, lambda one: _kind(one[1]))
            for part in in_parts(alike, ROWS_AT_ONCE, BYTES_AT_ONCE)
        )
        return map(self._batch, parts) if self.fix is None else self._made_ahead(parts)

    def _made_ahead(self, parts: Iterator[list[Line]]) -> Iterator[Batch]:
        """Yield batches, the first when there are some more.

        By a fix that fails on one of these no row is loaded: it is mostly wrong for
        all. Rows on which it fails later are rejected again, as those before them are
        loaded, and another fix may not add them once more.
        """
        made: deque[Batch] = deque()
        size = 0
        for part in parts:
            made.append(self._batch(part))
            size += made[-1].nbytes
            if size > BYTES_AHEAD:
                break
        while made:
            yield made.popleft()
        yield from map(self._batch_or_left, parts)

    def _batch_or_left(self, part: list[Line]) -> Batch:
        """Return mended rows; where the fix fails, these as they are, as unread."""
        try:
            return self._batch(part)
        except ConfigError as error:
            left = rows_as_read([line["values"] for line in part])
            if not OWN_NAMES.isdisjoint(left.columns):
                # as rows they are refused
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
                left=as_rows(left),
            )

    def _batch(self, part: list[Line]) -> Batch:
        source = part[0]["source"]
        read = rows_as_read([line["values"] for line in part])
        numbers = tuple(line["row"] for line in part)
        if self.fix is None:
            rows = as_rows(read)
        else:
            rows, numbers = mend(read, numbers, source, self.fix)
        return Batch(
            rows,
            source,
            numbers[0] if numbers else 1,
            numbers,
            untyped=True,
            as_of=_moment_of(part),
        )


def is_before(moment: datetime, line: Line, /) -> bool:
    """Return whether a row was rejected before a moment; so is one without a time."""
    try:
        return datetime.fromisoformat(line["time"]) < moment
    except (KeyError, TypeError, ValueError):
        return True


def _moment_of(part: list[Line]) -> datetime | None:
    moment = part[0].get("as_of")
    return datetime.fromisoformat(moment) if moment else None


def _kind(line: Line) -> tuple[object, ...]:
    """Return what the rows of a batch share, so that none gets nulls it had not."""
    return line["source"], line.get("as_of"), tuple(line["values"])
