"""Ends a piece: enters it in the ledger, and commits it together with its entry."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from propload.batch import no_reasons
from propload.errors import PropLoadError, TransientWriteError, WriteError
from propload.postgres.ledger.ledger import taken_over_error
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.report import Counts
from propload.target import Written

if TYPE_CHECKING:
    import polars as pl

    from propload.batch import Piece
    from propload.postgres.ledger.ledger import Ledger
    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shadow_names import ShadowNames
    from propload.postgres.writing.lane_session import LaneSession
    from propload.target import OnRefused

log = logging.getLogger(__name__)


class PieceCommitter:
    """Enters the pieces of one lane in the ledger and commits them; used by one thread.

    This base class writes no rows. It is used for batches of which no row could be
    read: the ledger has to record them, and how many rows they had.

    Args:
        session: The lane's session; no other writer uses it any longer.
        ledger: The ledger in which pieces are entered.
        target: The table, as messages name it.
        shadow_names: The target's names for what server messages name of its shadow.
        on_refused: Called with the rejected rows of a piece before its commit; with an
            empty frame if a later attempt of the piece has none.
    """

    def __init__(
        self,
        session: LaneSession,
        ledger: Ledger,
        target: str,
        *,
        shadow_names: ShadowNames | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._session = session
        self._ledger = ledger
        self._target = target
        self._shadow_names = shadow_names
        self._on_refused = on_refused
        self._unconfirmed: tuple[int, Written] | None = None
        #: The piece whose rejected rows were passed on, until it is committed.
        self._reported: Piece | None = None

    def get_ready(self) -> None:
        """Open the session before the first piece arrives.

        An error is only logged: if it persists, `write` raises it.
        """
        try:
            self._set_up()
        except PropLoadError as error:
            log.debug("%s: a lane is not ready yet: %s", self._target, error)
            self._session.close()

    def write(self, piece: Piece) -> Written:
        """Commit a piece in one transaction and return the outcome of its rows.

        Raises:
            TransientWriteError: It may succeed if it is retried.
            WriteError: The server will never accept it.
            LockedError: Another process has continued the run.
        """
        try:
            connection = self._session.open()
            written = self._recall(connection, piece) or self._load(connection, piece)
        except ServerError as error:
            self._fail(error, piece)
        except TransientWriteError:
            self._session.close()
            raise
        self._reported = self._unconfirmed = None
        return written

    def cancel(self) -> None:
        """Cancel the running statement, from another thread."""
        self._session.cancel()

    def close(self) -> None:
        """Close the lane's session; an open transaction is rolled back.

        Rejected rows of a piece that was not committed are withdrawn.
        """
        self._session.close()
        # a commit whose answer was lost may have succeeded
        if self._reported is None or self._unconfirmed is not None:
            return
        try:
            self._report_refused(self._reported, no_reasons())
        except PropLoadError as error:
            log.warning("%s", error)

    def _set_up(self) -> None:
        self._session.open()

    def _load(self, connection: Connection, piece: Piece) -> Written:
        """Enter and commit a piece without rows."""
        return self._enter_and_commit(
            connection, piece, Written(Counts(), no_reasons())
        )

    def _recall(self, connection: Connection, piece: Piece) -> Written | None:
        """Return what an earlier attempt committed, if its answer was lost, or None."""
        if self._unconfirmed is None or self._unconfirmed[0] != piece.batch:
            return None
        entry = self._ledger.find(connection, piece)
        connection.commit()
        if entry is None:
            return None
        log.info(
            "%s, batch %d was committed before the line broke",
            self._target,
            piece.batch,
        )
        return self._unconfirmed[1]

    def _enter_and_commit(
        self, connection: Connection, piece: Piece, written: Written
    ) -> Written:
        """Enter a piece and commit it; return what was committed, now or earlier."""
        counts = piece_counts(piece, written)
        # first, as it waits for an earlier attempt whose commit may still succeed
        try:
            is_new = self._ledger.record(connection, piece, counts)
        except ServerError as error:
            error.doing = "the piece was entered in the ledger"
            raise
        if not is_new:
            return self._recall_entry(connection, piece)
        self._report_refused(piece, written.reasons)
        self._commit(connection, piece, written)
        self._ledger.mark_committed(piece)
        return written

    def _commit(self, connection: Connection, piece: Piece, written: Written) -> None:
        # if the answer is lost, the outcome is unknown until the ledger is asked
        self._unconfirmed = (piece.batch, written)
        try:
            connection.commit()
        except ServerError as error:
            if not failures.is_transient(error):
                # the server has answered: it did not commit
                self._unconfirmed = None
            raise
        self._unconfirmed = None

    def _recall_entry(self, connection: Connection, piece: Piece) -> Written:
        """Return what an earlier attempt committed, for a piece already entered.

        Raises:
            LockedError: It was entered by another process.
        """
        connection.rollback()
        earlier = self._recall(connection, piece)
        if earlier is None:
            raise taken_over_error(self._ledger.run_id)
        return earlier

    def _report_refused(self, piece: Piece, reasons: pl.DataFrame) -> None:
        """Pass on rejected rows; an empty frame if an earlier attempt's were good."""
        if self._on_refused is not None and (
            reasons.height or self._reported is not None
        ):
            self._reported = piece
            self._on_refused(piece, reasons)

    def _error_of(self, error: ServerError, piece: Piece) -> WriteError:
        """Return the error to raise for a server error that no row has caused."""
        return failures.as_write_error(
            error,
            table=self._target,
            batch=piece.batch,
            shadow_names=self._shadow_names,
        )

    def _fail(self, error: ServerError, piece: Piece) -> NoReturn:
        raised = self._error_of(error, piece)
        if isinstance(raised, TransientWriteError):
            self._session.close()
        raise raised from error


def piece_counts(piece: Piece, written: Written, /) -> Counts:
    """Return the counts of a piece, including rows that were rejected before it."""
    rejected = piece.rejected + written.counts.rejected
    return replace(written.counts, read=piece.read, rejected=rejected)
