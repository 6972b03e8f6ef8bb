"""Finds the rows that the table has already, unchanged, before they are sent.

Sending a row, looking it up in the server and comparing it there takes five times as
long as having the server hash it. So if most rows of a load are unchanged and the table
does not have many more rows than the load, the table is hashed once, and only rows that
differ are sent.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import polars as pl

from propload.batch import ROW
from propload.postgres.sql import stored_rows
from propload.postgres.writing.stored.comparable import comparable_columns
from propload.postgres.writing.stored.table_reading import (
    WAIT_SECONDS,
    Hasher,
    TableReader,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape
    from propload.postgres.writing.stored.known_rows import KnownRows

log = logging.getLogger(__name__)

#: About how many rows of the first piece are sampled: few enough to take 10 ms.
SAMPLED_ROWS = 1_000
#: Rows with fewer columns are all sent: for 7 columns, having the server look them up
#: takes no longer than comparing them here; for 20, half as long again
#: (docs/performance.md).
LEAST_COLUMNS = 12
#: If fewer rows are expected, all are sent: having the server look them up takes no
#: longer than reading the table, which needs some queries first (docs/performance.md).
LEAST_ROWS = 5_000
#: If a smaller share of the sampled rows is unchanged, the table is not read.
LEAST_UNCHANGED = 0.5
#: If a smaller share of a piece's rows is unchanged, rows are no longer compared: that
#: takes 1 µs a row, and an unchanged row saves 5 µs.
LEAST_FOUND = 0.2
#: How many rows of the table may be hashed for each unchanged one: hashing a row takes
#: 1.2 µs (docs/performance.md), and some of the gain has to remain.
WORTH = 2.5
#: How many rows of a table are held in memory at most: each takes up to 25 bytes, and
#: twice that while they are sorted.
MOST_ROWS = 2_000_000


#: Asks the server how many of some rows are stored unchanged; None if it refuses one.
CountStored: TypeAlias = "Callable[[pl.DataFrame], int | None]"


class Remaining(NamedTuple):
    """The rows of a piece's layers that are to be sent, and how many are not.

    Attributes:
        layers: The layers, without the rows that are not sent.
        unchanged: How many rows are not sent.
    """

    layers: tuple[pl.DataFrame, ...]
    unchanged: int


class StoredRows:
    """Decides which rows need not be sent; the lanes of a run share it.

    Each lane calls it with the pieces that it writes, in their order; a key belongs to
    one lane. No lane sends a row before it is decided whether the table is read.
    Changes that another session makes to the table meanwhile count as made after this
    run's, as if the run had written the unchanged rows when it began.

    Args:
        hasher: Hashes the table's rows.
        expected: Returns how many rows the run will have, or None if that is unknown.
    """

    def __init__(self, hasher: Hasher, expected: Callable[[], int | None]) -> None:
        self._hasher = hasher
        self._expected = expected
        #: Guards `_state`; never held during a query.
        self._changed = threading.Condition()
        self._state: TableReader | Literal["new", "deciding", "given up"] = "new"

    @classmethod
    def for_shape(
        cls, shape: Shape, expected: Callable[[], int | None], /
    ) -> StoredRows | None:
        """Return the object for a table, or None if its rows cannot be compared here.

        It is also None if comparing them would save no time.

        Args:
            shape: How rows go into the table.
            expected: Returns how many rows the run will have, or None if that is
                unknown.
        """
        if shape.mode != "upsert" or shape.triggered or shape.key_has_server_equality:
            return None
        if len(shape.columns) < LEAST_COLUMNS:
            return None
        columns = comparable_columns(shape.columns)
        if columns is None:
            return None
        return cls(Hasher(shape.table, columns, shape.key), expected)

    def drop_unchanged(
        self,
        connection: Connection,
        layers: tuple[pl.DataFrame, ...],
        versions: pl.DataFrame | None,
        /,
        *,
        count_stored: CountStored,
    ) -> Remaining:
        """Return the layers without the rows that are known to be stored unchanged.

        Args:
            connection: The lane's session, without an open transaction.
            layers: A piece's layers, with the columns that are sent and `ROW`.
            versions: The rows of the keys that occur several times; all are sent.
            count_stored: Asks the server, in that session.

        Raises:
            ServerError: The connection is lost.
        """
        height = sum(layer.height for layer in layers)
        known = self._known_rows(connection, layers, count_stored) if height else None
        if known is None:
            return Remaining(layers, 0)
        versioned = None if versions is None else versions.get_column(ROW).implode()
        remaining = tuple(self._drop_known(known, layer, versioned) for layer in layers)
        unchanged = height - sum(layer.height for layer in remaining)
        if unchanged < LEAST_FOUND * height and height >= SAMPLED_ROWS:
            self.give_up()
        return Remaining(remaining, unchanged)

    def give_up(self) -> None:
        """Have all rows sent from now on, and wake the lanes that are waiting."""
        with self._changed:
            before, self._state = self._state, "given up"
            self._changed.notify_all()
        if isinstance(before, TableReader):
            before.abandon("it is done without")

    def _drop_known(
        self, known: KnownRows, layer: pl.DataFrame, versioned: pl.Series | None
    ) -> pl.DataFrame:
        """Return the rows of a layer that are to be sent, and forget their keys."""
        if not self._hasher.can_hash_keys(layer):
            self.give_up()
            return layer
        rows = self._hasher.hash_incoming(layer)
        is_stored = known.find(rows)
        if versioned is not None:
            is_stored &= ~layer.get_column(ROW).is_in(versioned).to_numpy()
        is_sent = ~is_stored
        known.forget(rows.keys[is_sent])
        return layer.filter(pl.Series(is_sent))

    def _known_rows(
        self,
        connection: Connection,
        layers: tuple[pl.DataFrame, ...],
        count_stored: CountStored,
    ) -> KnownRows | None:
        """Return the known rows, waiting for them, or None if the table is not read."""
        try:
            if self._claim_decision():
                self._decide(connection, layers, count_stored)
            reader = self._wait_for_decision()
            known = None if reader is None else reader.read(connection)
        except BaseException:
            self.give_up()
            raise
        if reader is not None and known is None:
            self.give_up()
        return known

    def _claim_decision(self) -> bool:
        """Return whether this lane has to decide; true for the first one only."""
        with self._changed:
            if self._state != "new":
                return False
            self._state = "deciding"
            return True

    def _wait_for_decision(self) -> TableReader | None:
        """Wait for the decision and return the reader, or None if there is none."""
        with self._changed:
            is_decided = self._changed.wait_for(
                lambda: self._state != "deciding", WAIT_SECONDS
            )
            state = self._state
        if not is_decided:
            self.give_up()
        return state if isinstance(state, TableReader) else None

    def _decide(
        self,
        connection: Connection,
        layers: tuple[pl.DataFrame, ...],
        count_stored: CountStored,
    ) -> None:
        """Decide by the table's size and the first rows whether the table is read."""
        expected = self._expected() or 0
        limit = min(MOST_ROWS, WORTH * expected)
        pages, share = None, 0.0
        if expected >= LEAST_ROWS:
            pages, rows = self._table_size(connection)
            if pages is not None and rows <= limit:
                share = _unchanged_share(layers, count_stored)
        if pages is None or share < LEAST_UNCHANGED:
            log.info("table %s: all rows are looked up there", self._hasher.table)
            self.give_up()
            return
        reader = TableReader(self._hasher, pages, share * limit)
        with self._changed:
            if self._state == "deciding":
                self._state = reader
            self._changed.notify_all()

    def _table_size(self, connection: Connection) -> tuple[int | None, int]:
        """Return the table's pages (None if it cannot be read) and estimated rows."""
        table = self._hasher.table
        answer = connection.ask(
            stored_rows.COMPARABLE_SIZE_QUERY, (table.namespace, table.table)
        )
        is_comparable, pages, rows = answer[0] if answer else (False, 0, 0)
        return (int(pages) if is_comparable else None), int(rows)


def _unchanged_share(
    layers: tuple[pl.DataFrame, ...], count_stored: CountStored
) -> float:
    """Return the share of unchanged rows in a sample of the first layer with rows."""
    first = next(layer for layer in layers if layer.height)
    sample = first.gather_every(-(-first.height // SAMPLED_ROWS))
    return (count_stored(sample) or 0) / sample.height
