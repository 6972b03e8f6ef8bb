"""Reads the hashes of a table's rows, by several lanes at the same time."""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import stored_rows
from propload.postgres.writing.stored.known_rows import Fingerprints, KnownRows
from propload.postgres.writing.stored.server_hashes import (
    combine_hashes,
    hash_columns,
    is_hashed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from propload.postgres.session.connection import Connection
    from propload.postgres.writing.stored.comparable import Comparable
    from propload.postgres.writing.stored.server_hashes import Hashes
    from propload.target import TableName

log = logging.getLogger(__name__)

#: How many pages a lane reads in one query (8 MB); the lanes share these parts.
PART_PAGES = 1_024
#: How many pages the first part has, which shows about how many rows the table has.
PROBE_PAGES = 16
#: How many seconds a lane waits at most for a part that another lane reads, which takes
#: a tenth of a second.
WAIT_SECONDS = 30.0


class _Part(NamedTuple):
    """A range of pages: the first, and the one after the last, None at the end."""

    first: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Hasher:
    """Hashes the stored rows of a table, and incoming ones.

    Attributes:
        table: The table's name.
        columns: The columns that are compared, in order.
        key: The names of those that identify a row.
        seed: The seed of the hashes; it is random, so that no source of rows knows it.
    """

    table: TableName
    columns: Sequence[Comparable]
    key: Sequence[str]
    seed: int = field(default_factory=lambda: 1 + secrets.randbelow(2**63 - 1))

    def hash_stored(
        self, connection: Connection, part: _Part, /
    ) -> Iterator[Fingerprints]:
        """Yield the fingerprints of the stored rows of a part, thousands at a time.

        Raises:
            ServerError: The server refused the query, or the connection is lost.
        """
        key = [column.stored for column in self._key_columns]
        all_columns = [column.stored for column in self.columns]
        query = stored_rows.read_hashes(
            self.table,
            (key, all_columns),
            seed=self.seed,
            first_page=part.first,
            end_page=part.end,
        )
        for rows in connection.batches(query):
            yield Fingerprints(*map(_as_hashes, rows.columns))

    def can_hash_keys(self, layer: pl.DataFrame, /) -> bool:
        """Return whether the keys of incoming rows are short enough to be hashed."""
        keys = layer.select(column.incoming for column in self._key_columns)
        return all(map(is_hashed, keys.get_columns()))

    def hash_incoming(self, layer: pl.DataFrame, /) -> Fingerprints:
        """Return the fingerprints of incoming rows, whose keys can be hashed."""
        rows = layer.select(column.incoming for column in self.columns)
        hashed = hash_columns(rows, self.seed)
        key = [hashed[rows.get_column_index(each.name)] for each in self._key_columns]
        return Fingerprints(combine_hashes(key), combine_hashes(hashed))

    @property
    def _key_columns(self) -> tuple[Comparable, ...]:
        return tuple(column for column in self.columns if column.name in self.key)


def _as_hashes(column: pa.Array) -> Hashes:
    """Return hashes, which the server sends as signed integers, as unsigned ones."""
    signed: NDArray[np.int64] = column.to_numpy()
    return signed.view(np.uint64)


class TableReader:
    """Reads a table once; each lane that needs it reads parts until none is left.

    Args:
        hasher: Hashes the rows.
        pages: How many pages the table has, or the largest one of its partitions.
        limit: How many rows are worth reading; if there are more, reading is abandoned.
    """

    def __init__(self, hasher: Hasher, pages: int, limit: float) -> None:
        self._hasher = hasher
        self._limit = limit
        firsts = [0, *range(PROBE_PAGES, pages, PART_PAGES)]
        # pages that are added meanwhile belong to the last part
        self._parts = [_Part(*each) for each in pairwise([*firsts, None])]
        self._pages = max(pages, firsts[-1] + 1)
        self._fingerprints: list[Fingerprints] = []
        #: Guards the attributes below; never held during a query.
        self._changed = threading.Condition()
        self._parts_in_progress = self._rows = self._pages_read = 0
        self._ended = False
        #: The known rows; if it is still None at the end, reading was abandoned.
        self._known: KnownRows | None = None

    def read(self, connection: Connection, /) -> KnownRows | None:
        """Read parts until none is left, and return the known rows.

        Args:
            connection: The lane's session, without an open transaction.

        Returns:
            The known rows, or None if reading was abandoned.
        """
        try:
            while (part := self._next_part()) is not None:
                self._read(connection, part)
        except ServerError as error:
            self.abandon(str(error))
        except BaseException:
            self.abandon("a lane ended")
            raise
        return self._wait()

    def abandon(self, why: str, /) -> None:
        """Abandon reading, and wake the lanes that are waiting."""
        with self._changed:
            if self._ended:
                return
            self._ended = True
            self._fingerprints.clear()
            self._changed.notify_all()
        log.info("table %s is not compared here: %s", self._hasher.table, why)

    def _next_part(self) -> _Part | None:
        with self._changed:
            if self._ended or not self._parts:
                return None
            self._parts_in_progress += 1
            return self._parts.pop(0)

    def _read(self, connection: Connection, part: _Part) -> None:
        for rows in self._hasher.hash_stored(connection, part):
            if not self._add(rows):
                return
        self._complete_part(part)

    def _add(self, rows: Fingerprints) -> bool:
        """Add rows that were read, and return whether to go on reading."""
        with self._changed:
            if self._ended:
                return False
            self._fingerprints.append(rows)
            self._rows += len(rows)
            count = self._rows
        return self._is_within_limit(count)

    def _is_within_limit(self, rows: float) -> bool:
        if rows > self._limit:
            self.abandon(f"it has some {rows:,.0f} rows or more, too many for these")
        return rows <= self._limit

    def _complete_part(self, part: _Part) -> None:
        """Note that a part was read completely."""
        with self._changed:
            if self._ended:
                return
            self._parts_in_progress -= 1
            self._pages_read += (part.end or self._pages) - part.first
            estimate = float(self._rows)
            if self._pages > PART_PAGES:
                # a short table is read quickly, and its pages are not evenly full
                estimate *= self._pages / self._pages_read
            if not self._parts and not self._parts_in_progress:
                self._complete()
        self._is_within_limit(estimate)

    def _complete(self) -> None:
        self._known = KnownRows(Fingerprints.concatenate(self._fingerprints))
        self._ended = True
        self._fingerprints.clear()
        log.info(
            "table %s: rows are compared with its %d", self._hasher.table, self._rows
        )
        self._changed.notify_all()

    def _wait(self) -> KnownRows | None:
        with self._changed:
            ended = self._changed.wait_for(lambda: self._ended, WAIT_SECONDS)
        if not ended:
            self.abandon("another lane takes too long to read a part of it")
        return self._known
