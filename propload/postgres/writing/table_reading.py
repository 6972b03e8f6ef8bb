"""Reads the rows of a table, by several lanes at once, into what is known of it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import stored_rows
from propload.postgres.writing.known_rows import Fingerprints, KnownRows
from propload.postgres.writing.server_hashes import SEED, hash_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from propload.postgres.session.connection import Connection
    from propload.postgres.writing.comparable import Comparable
    from propload.postgres.writing.server_hashes import Hashes
    from propload.target import TableName

log = logging.getLogger(__name__)

#: Pages that are read at once: lanes share them out, 8 MB each.
PART_PAGES = 1_024
#: Longest wait for a part that another lane reads, in seconds: it takes a tenth of one.
WAIT_SECONDS = 30.0


class _Part(NamedTuple):
    """Some pages of a table: the first one, and the one after them; None: its end."""

    first: int
    after: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a table.

    Attributes:
        table: Its name.
        columns: Its columns, in the order in which they are compared.
        key: Those that identify a row.
    """

    table: TableName
    columns: Sequence[Comparable]
    key: Sequence[str]

    def stored(self, connection: Connection, part: _Part, /) -> Fingerprints:
        """Return the fingerprints of the rows of a part.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        key = [column.stored for column in self._key_columns]
        every = [column.stored for column in self.columns]
        query = stored_rows.read_hashes(
            self.table, (key, every), seed=SEED, first=part.first, after=part.after
        )
        read = [map(_as_hashes, rows.columns) for rows in connection.batches(query)]
        return Fingerprints.joined([Fingerprints(*hashes) for hashes in read])

    def incoming(self, layer: pl.DataFrame, /) -> Fingerprints:
        """Return the fingerprints of rows that come."""
        rows = layer.select(column.incoming for column in self.columns)
        key = rows.select(column.name for column in self._key_columns)
        return Fingerprints(hash_rows(key), hash_rows(rows))

    @property
    def _key_columns(self) -> tuple[Comparable, ...]:
        return tuple(column for column in self.columns if column.name in self.key)


def _as_hashes(column: pa.Array) -> Hashes:
    """Return numbers that the server has signs for as they are reckoned here."""
    signed: NDArray[np.int64] = column.to_numpy()
    return signed.view(np.uint64)


class TableReading:
    """Reads a table once; each lane that needs it reads parts until none is left.

    Args:
        asked: What is asked of the table.
        pages: How many pages it has.
        limit: How many rows are worth to be read.
    """

    def __init__(self, asked: Asked, pages: int, limit: float) -> None:
        self._asked = asked
        self._pages = max(1, pages)
        self._limit = limit
        firsts = range(0, self._pages, PART_PAGES)
        # whatever is added meanwhile belongs to the last one
        self._parts = [_Part(n, n + PART_PAGES) for n in firsts[:-1]]
        self._parts.append(_Part(firsts[-1], None))
        self._found: list[Fingerprints] = []
        #: Guards what is told of here; never held while the server is asked.
        self._changed = threading.Condition()
        self._under_way = self._pages_read = 0
        self._abandoned = False
        self._known: KnownRows | None = None

    def read(self, connection: Connection, /) -> KnownRows | None:
        """Return what the table holds, or None where that is not to be known.

        Args:
            connection: The lane's session, without open work.
        """
        try:
            while (part := self._take()) is not None:
                self._give(part, self._asked.stored(connection, part))
                connection.commit()
        except ServerError as error:
            connection.rollback()
            self.abandon(str(error))
        except BaseException:
            self.abandon("a lane ended")
            raise
        return self._wait()

    def abandon(self, why: str, /) -> None:
        """Read no more; wakes the lanes that wait."""
        with self._changed:
            if self._abandoned or self._known is not None:
                return
            self._abandoned = True
            self._found.clear()
            self._changed.notify_all()
        log.info("table %s is not compared here: %s", self._asked.table, why)

    def _take(self) -> _Part | None:
        with self._changed:
            if self._abandoned or not self._parts:
                return None
            self._under_way += 1
            return self._parts.pop(0)

    def _give(self, part: _Part, rows: Fingerprints) -> None:
        with self._changed:
            if self._abandoned:
                return
            self._under_way -= 1
            self._found.append(rows)
            self._pages_read += (part.after or self._pages) - part.first
            count = sum(map(len, self._found))
            whole = count / self._pages_read * self._pages
            if whole <= self._limit and not self._parts and not self._under_way:
                self._complete()
        if whole > self._limit:
            self.abandon(f"it has some {whole:,.0f} rows, of which few are to come")

    def _complete(self) -> None:
        self._known = KnownRows(Fingerprints.joined(self._found))
        rows = sum(map(len, self._found))
        log.info("table %s: rows are compared with its %d", self._asked.table, rows)
        self._found.clear()
        self._changed.notify_all()

    def _wait(self) -> KnownRows | None:
        with self._changed:
            ended = self._changed.wait_for(
                lambda: self._abandoned or self._known is not None, WAIT_SECONDS
            )
        if not ended:
            self.abandon("another lane takes too long to read a part of it")
        return self._known
