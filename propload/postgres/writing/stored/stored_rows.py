"""Rows that the table holds already are told from others before they are sent.

To send a row, look it up in the server and compare it there takes five times as long as
to have it hashed there. Where most rows of a load are unchanged, and the table is not
much longer than the load, the table is hashed once, and only what differs is sent.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import polars as pl

from propload.batch import ROW
from propload.postgres.sql import stored_rows
from propload.postgres.writing.stored.comparable import comparable
from propload.postgres.writing.stored.table_reading import (
    WAIT_SECONDS,
    Hasher,
    TableReading,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape
    from propload.postgres.writing.stored.known_rows import KnownRows

log = logging.getLogger(__name__)

#: How many rows of the first piece are looked at: few enough to take 10 ms.
SAMPLED_ROWS = 1_000
#: Rows of fewer columns are looked up: of 7 that takes no longer than to compare them
#: here, of 20 half as long again (docs/performance.md).
LEAST_COLUMNS = 12
#: Fewer rows are looked up: that takes no longer than to read the table, which takes
#: some questions first (docs/performance.md).
LEAST_ROWS = 5_000
#: Below this part of unchanged rows the table is not read.
LEAST_UNCHANGED = 0.5
#: Below this part of them in a piece rows are not compared any more: it takes 1 µs a
#: row, of the 5 µs that an unchanged one saves.
LEAST_FOUND = 0.2
#: How many rows of the table may be hashed for each one that is unchanged: hashing one
#: takes 1.2 µs (docs/performance.md), and some of the gain has to be left.
WORTH = 2.5
#: Most rows of a table that are known: up to 25 bytes each, twice that while they are
#: sorted.
MOST_ROWS = 2_000_000


#: Asks the server how many of some rows the table holds as they are; None where it
#: refuses one.
CountStored: TypeAlias = "Callable[[pl.DataFrame], int | None]"


class Unsent(NamedTuple):
    """What is left of a piece's layers to be sent, and how many rows are not."""

    layers: tuple[pl.DataFrame, ...]
    unchanged: int


class StoredRows:
    """What is known of a table's rows; the lanes of a run share it.

    A lane calls it with the pieces that it writes, in their order; a key belongs to one
    lane. None sends a row before all know whether the table is read. What another
    session does to the table meanwhile comes after this run, as it would where the run
    had written these rows as it began.

    Args:
        hasher: Hashes the table's rows.
        expected: Returns how many rows the run will have, or None where nobody knows.
    """

    def __init__(self, hasher: Hasher, expected: Callable[[], int | None]) -> None:
        self._hasher = hasher
        self._expected = expected
        #: Guards what follows; never held while the server is asked.
        self._changed = threading.Condition()
        self._state: TableReading | Literal["new", "judging", "given up"] = "new"

    @classmethod
    def find(
        cls, shape: Shape, expected: Callable[[], int | None], /
    ) -> StoredRows | None:
        """Return what is known of a table, or None where its rows do not compare here.

        Args:
            shape: How rows go into it.
            expected: Returns how many rows the run will have, or None.
        """
        if shape.mode != "upsert" or shape.triggered or shape.loose_key:
            return None
        if len(shape.columns) < LEAST_COLUMNS:
            return None
        columns = comparable(shape.columns)
        if columns is None:
            return None
        return cls(Hasher(shape.table, columns, shape.key), expected)

    def unsent(
        self,
        connection: Connection,
        layers: tuple[pl.DataFrame, ...],
        versions: pl.DataFrame | None,
        /,
        *,
        count_stored: CountStored,
    ) -> Unsent:
        """Return the layers without rows that the table is known to hold as they are.

        Args:
            connection: The lane's session, without open work.
            layers: A piece's layers, with the columns that travel and `ROW`.
            versions: The rows whose keys come several times; they are all sent.
            count_stored: Asks the server, in that session.

        Raises:
            ServerError: The connection is gone.
        """
        height = sum(layer.height for layer in layers)
        known = self._known(connection, layers, count_stored) if height else None
        if known is None:
            return Unsent(layers, 0)
        apart = None if versions is None else versions.get_column(ROW).implode()
        left = tuple(self._left(known, layer, apart) for layer in layers)
        unchanged = height - sum(layer.height for layer in left)
        if unchanged < LEAST_FOUND * height and height >= SAMPLED_ROWS:
            self.give_up()
        return Unsent(left, unchanged)

    def give_up(self) -> None:
        """Send all rows from now on, and wake lanes that wait for one another."""
        with self._changed:
            before, self._state = self._state, "given up"
            self._changed.notify_all()
        if isinstance(before, TableReading):
            before.abandon("it is done without")

    def _left(
        self, known: KnownRows, layer: pl.DataFrame, apart: pl.Series | None
    ) -> pl.DataFrame:
        """Return the rows of a layer that are to be sent, and take note of them."""
        if not self._hasher.can_hash_keys(layer):
            self.give_up()
            return layer
        rows = self._hasher.incoming(layer)
        is_stored = known.find(rows)
        if apart is not None:
            is_stored &= ~layer.get_column(ROW).is_in(apart).to_numpy()
        is_sent = ~is_stored
        known.forget(rows.keys[is_sent])
        return layer.filter(pl.Series(is_sent))

    def _known(
        self,
        connection: Connection,
        layers: tuple[pl.DataFrame, ...],
        count_stored: CountStored,
    ) -> KnownRows | None:
        """Return what the table holds, as soon as that is known, or None."""
        try:
            if self._claims():
                self._judge(connection, layers, count_stored)
            reading = self._judged()
            known = None if reading is None else reading.read(connection)
        except BaseException:
            self.give_up()
            raise
        if reading is not None and known is None:
            self.give_up()
        return known

    def _claims(self) -> bool:
        """Return whether it is this lane that has to judge."""
        with self._changed:
            if self._state != "new":
                return False
            self._state = "judging"
            return True

    def _judged(self) -> TableReading | None:
        """Return how the table is read, or None where it is not."""
        with self._changed:
            is_judged = self._changed.wait_for(
                lambda: self._state != "judging", WAIT_SECONDS
            )
            state = self._state
        if not is_judged:
            self.give_up()
        return state if isinstance(state, TableReading) else None

    def _judge(
        self,
        connection: Connection,
        layers: tuple[pl.DataFrame, ...],
        count_stored: CountStored,
    ) -> None:
        """Decide by the table and the first rows whether the table is to be read."""
        expected = self._expected() or 0
        limit = min(MOST_ROWS, WORTH * expected)
        pages, share = None, 0.0
        if expected >= LEAST_ROWS:
            pages, rows = self._size(connection)
            if pages is not None and rows <= limit:
                share = _share(layers, count_stored)
        if pages is None or share < LEAST_UNCHANGED:
            log.info("table %s: all rows are looked up there", self._hasher.table)
            self.give_up()
            return
        reading = TableReading(self._hasher, pages, share * limit)
        with self._changed:
            if self._state == "judging":
                self._state = reading
            self._changed.notify_all()

    def _size(self, connection: Connection) -> tuple[int | None, int]:
        """Return the pages of the table, None if it is not to be read, and its rows."""
        table = self._hasher.table
        found = connection.ask(
            stored_rows.STANDING_QUERY, (table.namespace, table.table)
        )
        is_plain, pages, rows = found[0] if found else (False, 0, 0)
        return (int(pages) if is_plain else None), int(rows)


def _share(layers: tuple[pl.DataFrame, ...], count_stored: CountStored) -> float:
    """Return what part of the first rows is unchanged."""
    first = next(layer for layer in layers if layer.height)
    sample = first.gather_every(-(-first.height // SAMPLED_ROWS))
    return (count_stored(sample) or 0) / sample.height
