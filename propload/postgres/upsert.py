"""Writes pieces into a table: one transaction each, counted to the row."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

from propload.batch import ROW, Written
from propload.errors import CountsError, TransientWriteError, WriteError
from propload.postgres import failures
from propload.postgres.counting import write_stage
from propload.postgres.driver_errors import ServerError
from propload.postgres.ledger import taken_over
from propload.postgres.sql import merging
from propload.postgres.sql.screening import OF_THE_SERVER
from propload.postgres.staging import fill_stage, travelling
from propload.postgres.triage import Triage, patched
from propload.report import Counts

if TYPE_CHECKING:
    import polars as pl

    from propload.batch import Piece
    from propload.postgres.connection import Connection
    from propload.postgres.failures import Failure
    from propload.postgres.lane_session import LaneSession
    from propload.postgres.ledger import Ledger
    from propload.postgres.shape import Shape
    from propload.target import OnRefused

log = logging.getLogger(__name__)

#: A unique index refused the row: on the direct path the key is stored already.
UNIQUE_VIOLATION = "23505"
#: Keys that differ in the frame are equal to the server; row by row it takes both.
KEY_MET_TWICE = "21000"
#: After this many pieces that had no new key in between, the direct path is not
#: worth a try any more: each failed one leaves dead rows behind.
MOST_PATIENCE = 64


class TableWriter:
    """Writes the pieces of one lane; owned and used by one thread.

    A piece goes straight into the table while no key of it is stored there, and
    through the session's stage otherwise. Rows that the server refuses are found,
    left out and returned as reasons.

    Args:
        session: The lane's session; its other writers write no more.
        shape: How rows go into the table.
        ledger: Where pieces are entered.
        lane: The lane's number.
        empty: Whether the table held no row when the run began.
        on_refused: Told of refused rows before their piece is committed.
    """

    def __init__(
        self,
        session: LaneSession,
        shape: Shape,
        ledger: Ledger,
        lane: int,
        *,
        empty: bool,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._session = session
        self._shape = shape
        self._ledger = ledger
        self._lane = lane
        self._on_refused = on_refused
        self._pace = _Pace(fast=empty or not shape.key)
        self._unsure: tuple[int, Written] | None = None
        #: The piece of which an attempt has told refused rows.
        self._told: int | None = None
        self._triage = Triage(shape)
        #: The table that people know, also while its shadow is written.
        self._target = shape.own_names.in_text(str(shape.table))

    def write(self, piece: Piece) -> Written:
        """Commit a piece in one transaction and return what became of it.

        Raises:
            TransientWriteError: It may succeed when it is written again.
            WriteError: The server will never take it.
            LockedError: Another process has gone on with the run.
        """
        try:
            connection = self._session.open()
            return self._recall(connection, piece) or self._load(connection, piece)
        except ServerError as error:
            self._fail(error, piece)
        except TransientWriteError:
            self._session.close()
            raise

    def cancel(self) -> None:
        """Break off the statement that runs now, from another thread."""
        self._session.cancel()

    def close(self) -> None:
        """Close the lane's session; a transaction that is open is undone."""
        self._session.close()

    def _recall(self, connection: Connection, piece: Piece) -> Written | None:
        """Return what an earlier attempt committed although its answer was lost."""
        if self._unsure is None or self._unsure[0] != piece.batch:
            return None
        entry = self._ledger.find(connection, piece)
        connection.commit()
        if entry is None:
            return None
        log.info("batch %d was committed before the line broke", piece.batch)
        return self._unsure[1]

    def _load(self, connection: Connection, piece: Piece) -> Written:
        """Try until the server takes the piece without its bad rows."""
        self._triage.begin(
            tuple(travelling(layer, self._shape) for layer in piece.layers)
        )
        while True:
            try:
                return self._attempt(connection, piece)
            except ServerError as error:
                connection.rollback()
                failure = failures.classify(error)
                # what it met may be the attempt before, whose commit came through
                known = failure.kind == "data" and self._recall(connection, piece)
                if known:
                    return known
                if not self._goes_on(connection, failure):
                    raise

    def _goes_on(self, connection: Connection, failure: Failure) -> bool:
        """Return whether the piece is worth another attempt, made another way."""
        known = failure.kind == "data" or failure.sqlstate == KEY_MET_TWICE
        if not known and not self._may_be_of_rows(connection, failure):
            return False
        met = failure.sqlstate == UNIQUE_VIOLATION and self._goes_direct()
        if met and self._shape.key:
            self._pace.met_stored_key()
            return True
        self._session.make_stage(self._shape)
        return self._triage.learn(connection, failure)

    def _may_be_of_rows(self, connection: Connection, failure: Failure) -> bool:
        """Return whether a failure whose code does not tell is not met without rows.

        Readers of some types, and triggers, fail with the codes of a wrong statement.
        """
        state = failure.sqlstate
        if failure.kind != "permanent" or not state or state.startswith(OF_THE_SERVER):
            return False
        try:
            self._session.make_stage(self._shape)
            write_stage(connection, self._shape, ())
        except WriteError as error:
            if failures.classify(error).kind == "transient":
                raise
            return False
        finally:
            connection.rollback()
        return True

    def _attempt(self, connection: Connection, piece: Piece) -> Written:
        direct = self._goes_direct()
        self._triage.begin_attempt()
        tally = self._copy(connection) if direct else self._stage(connection)
        written = Written(
            tally.inserted,
            tally.updated,
            tally.unchanged,
            tally.stale,
            self._triage.reasons(),
        )
        counts = self._account(piece, written)
        # first of all: it waits for an earlier attempt's commit, which may come through
        if not self._ledger.record(connection, piece, counts):
            return self._entered(connection, piece)
        self._commit(connection, piece, written)
        if not direct:
            self._pace.staged(all_new=tally.inserted == piece.height)
        return written

    def _entered(self, connection: Connection, piece: Piece) -> Written:
        """Return what an earlier attempt committed of a piece that is entered.

        Raises:
            LockedError: It was another process's.
        """
        connection.rollback()
        known = self._recall(connection, piece)
        if known is None:
            raise taken_over(self._ledger.run_id)
        return known

    def _goes_direct(self) -> bool:
        return (
            self._pace.fast
            and self._shape.direct
            and self._triage.step == "none"
            and len(self._triage.layers) <= 1
        )

    def _copy(self, connection: Connection) -> Counts:
        inserted = 0
        for layer in self._triage.layers:
            table = self._shape.table
            connection.copy(
                table.table,
                layer.select(c.name for c in self._shape.columns),
                namespace=table.namespace,
            )
            inserted += layer.height
        return Counts(inserted=inserted)

    def _stage(self, connection: Connection) -> Counts:
        self._session.make_stage(self._shape)
        total = Counts()
        for number, layer in enumerate(self._triage.layers):
            self._triage.layer = number
            fill_stage(connection, layer, again=number > 0)
            if layer.height:
                total += self._merge(connection, layer)
        return total

    def _merge(self, connection: Connection, layer: pl.DataFrame) -> Counts:
        shape = self._shape
        if self._goes_alone(connection):
            # one by one, in the order of the source: the last one wins
            layer = layer.sort(ROW)
            fill_stage(connection, layer, again=True)
            return self._triage.sift(connection, layer, alone=True)
        if self._triage.step != "none":
            return self._triage.sift(connection, layer)
        return write_stage(connection, shape, patched(shape, layer))

    def _goes_alone(self, connection: Connection) -> bool:
        """Return whether the stage may hold a key twice, as the server sees keys."""
        if not self._shape.loose_key:
            return False
        if self._triage.step != "none":
            # a key that cannot be cast cannot be compared either
            return True
        return bool(connection.rows(merging.key_comes_twice(self._shape))[0][0])

    def _account(self, piece: Piece, written: Written) -> Counts:
        """Return a piece's counts; refuse to commit where a row's end is not known."""
        counts = _counts(piece, written)
        before = piece.duplicates + piece.rejected
        if counts.accounted - before != piece.height or not counts.possible:
            msg = (
                f"{self._target}: {piece.height:,} rows of batch {piece.batch} were "
                f"written but {counts.accounted - before:,} are accounted for "
                f"({counts}); the batch was not committed: please report this with "
                "the command that you ran"
            )
            raise CountsError(msg)
        return counts

    def _commit(self, connection: Connection, piece: Piece, written: Written) -> None:
        self._tell(piece, written.reasons)
        # until its answer is here the outcome is not known: the ledger is asked then
        self._unsure = (piece.batch, written)
        connection.commit()
        self._unsure = None
        self._ledger.settle(piece)

    def _tell(self, piece: Piece, reasons: pl.DataFrame) -> None:
        """Tell of refused rows, also that there are none where some were told."""
        if self._on_refused is None or not (
            reasons.height or self._told == piece.batch
        ):
            return
        self._told = piece.batch
        self._on_refused(piece, reasons)

    def _fail(self, error: ServerError, piece: Piece) -> NoReturn:
        raised = failures.as_write_error(
            error,
            table=self._target,
            batch=piece.batch,
            own_names=self._shape.own_names,
        )
        if isinstance(raised, TransientWriteError):
            self._session.close()
        else:
            self._unsure = None
        raise raised from error


class _Pace:
    """Decides when COPY goes straight into the table.

    A COPY that meets a stored key is undone and leaves dead rows, so after each
    such failure twice as many pieces must hold nothing but new keys before the
    next try.
    """

    def __init__(self, *, fast: bool) -> None:
        self.fast = fast
        self._needed = 1
        self._new_in_a_row = 0

    def met_stored_key(self) -> None:
        self.fast = False
        self._needed = min(self._needed * 2, MOST_PATIENCE)
        self._new_in_a_row = 0

    def staged(self, *, all_new: bool) -> None:
        self._new_in_a_row = self._new_in_a_row + 1 if all_new else 0
        self.fast = self._new_in_a_row >= self._needed


def _counts(piece: Piece, written: Written) -> Counts:
    refused = written.reasons[ROW].n_unique() if written.reasons.height else 0
    return Counts(
        read=piece.read,
        inserted=written.inserted,
        updated=written.updated,
        unchanged=written.unchanged,
        stale=written.stale,
        duplicates=piece.duplicates,
        rejected=piece.rejected + refused,
    )
