"""Writes pieces into a table: one transaction each, counted to the row."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

from propload.batch import ROW, Written
from propload.errors import CountsError, TransientWriteError, WriteError
from propload.postgres import failures
from propload.postgres.approach import Approach
from propload.postgres.attempt import Attempt
from propload.postgres.counting import write_stage
from propload.postgres.driver_errors import ServerError
from propload.postgres.ledger import taken_over
from propload.postgres.pace import Pace
from propload.postgres.sieve import Sieve
from propload.postgres.sql.screening import OF_THE_SERVER
from propload.postgres.staging import travelling
from propload.postgres.triage import Triage
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
        self._pace = Pace(fast=empty or not shape.key)
        self._unsure: tuple[int, Written] | None = None
        #: The piece of which an attempt has told refused rows.
        self._told: int | None = None
        self._sieve = Sieve(shape)
        self._triage = Triage(shape, self._sieve)
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
        layers = tuple(travelling(layer, self._shape) for layer in piece.layers)
        approach = Approach(layers)
        while True:
            attempt = self._attempt(approach)
            try:
                return self._finish(connection, piece, attempt)
            except ServerError as error:
                connection.rollback()
                failure = failures.classify(error)
                # what it met may be the attempt before, whose commit came through
                known = failure.kind == "data" and self._recall(connection, piece)
                if known:
                    return known
                following = self._after(connection, approach, attempt, failure)
                if following is None:
                    raise
                approach = following

    def _attempt(self, approach: Approach) -> Attempt:
        direct = (
            self._pace.fast
            and self._shape.direct
            and approach.step == "none"
            and len(approach.layers) <= 1
        )
        return Attempt(self._session, self._shape, self._sieve, approach, direct=direct)

    def _after(
        self,
        connection: Connection,
        approach: Approach,
        attempt: Attempt,
        failure: Failure,
    ) -> Approach | None:
        """Return how the piece is tried next, or None where that is of no use."""
        known = failure.kind == "data" or failure.sqlstate == KEY_MET_TWICE
        if not known and not self._may_be_of_rows(connection, failure):
            return None
        met = failure.sqlstate == UNIQUE_VIOLATION and attempt.direct
        if met and self._shape.key:
            self._pace.met_stored_key()
            return approach
        self._session.make_stage(self._shape)
        return self._triage.after(connection, approach, attempt.layer, failure)

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

    def _finish(
        self, connection: Connection, piece: Piece, attempt: Attempt
    ) -> Written:
        """Make an attempt, enter the piece and commit."""
        written = attempt.write()
        counts = self._account(piece, written)
        # first of all: it waits for an earlier attempt's commit, which may come through
        if not self._ledger.record(connection, piece, counts):
            return self._entered(connection, piece)
        self._commit(connection, piece, written)
        if not attempt.direct:
            self._pace.staged(all_new=written.inserted == piece.height)
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
