"""The end of a piece: it is entered in the ledger, and committed with its entry."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from propload.batch import no_reasons
from propload.errors import PropLoadError, TransientWriteError, WriteError
from propload.postgres.ledger.ledger import taken_over
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


class EntryWriter:
    """Enters the pieces of one lane and commits them; used by one thread.

    By itself it writes no row: of a batch of which none could be read, the ledger
    holds that, and how many there were.

    Args:
        session: The lane's session; its other writers write no more.
        ledger: Where pieces are entered.
        target: The table, as messages name it.
        shadow_names: What the target calls what the server names of its shadow.
        on_refused: Told of rejected rows before their piece is committed.
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
        self._unsure: tuple[int, Written] | None = None
        #: The piece of which an attempt has told rejected rows, until it is committed.
        self._told: Piece | None = None

    def get_ready(self) -> None:
        """Open the session, while the first piece is on its way.

        An error is only logged: `write` meets it again, and raises it.
        """
        try:
            self._set_up()
        except PropLoadError as error:
            log.debug("%s: a lane is not ready yet: %s", self._target, error)
            self._session.close()

    def write(self, piece: Piece) -> Written:
        """Commit a piece in one transaction and return what became of it.

        Raises:
            TransientWriteError: It may succeed when it is written again.
            WriteError: The server will never take it.
            LockedError: Another process has gone on with the run.
        """
        try:
            connection = self._session.open()
            written = self._recall(connection, piece) or self._load(connection, piece)
        except ServerError as error:
            self._fail(error, piece)
        except TransientWriteError:
            self._session.close()
            raise
        self._told = self._unsure = None
        return written

    def cancel(self) -> None:
        """Break off the statement that runs now, from another thread."""
        self._session.cancel()

    def close(self) -> None:
        """Close the lane's session; a transaction that is open is undone.

        Rejected rows of a piece that was not committed are taken back.
        """
        self._session.close()
        # a commit whose answer was lost may have come through
        if self._told is None or self._unsure is not None:
            return
        try:
            self._tell(self._told, no_reasons())
        except PropLoadError as error:
            log.warning("%s", error)

    def _set_up(self) -> None:
        self._session.open()

    def _load(self, connection: Connection, piece: Piece) -> Written:
        """Write the rows of a piece, which are none, and end it."""
        return self._end(connection, piece, Written(Counts(), no_reasons()))

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

    def _end(self, connection: Connection, piece: Piece, written: Written) -> Written:
        """Enter a piece and commit; return what an earlier attempt did instead."""
        counts = piece_counts(piece, written)
        # first of all: it waits for an earlier attempt's commit, which may come through
        try:
            is_new = self._ledger.record(connection, piece, counts)
        except ServerError as error:
            error.doing = "the piece was entered in the ledger"
            raise
        if not is_new:
            return self._entered(connection, piece)
        self._tell(piece, written.reasons)
        self._commit(connection, piece, written)
        self._ledger.settle(piece)
        return written

    def _commit(self, connection: Connection, piece: Piece, written: Written) -> None:
        # until its answer is here the outcome is not known: the ledger is asked then
        self._unsure = (piece.batch, written)
        try:
            connection.commit()
        except ServerError as error:
            if not failures.is_transient(error):
                # that was the answer
                self._unsure = None
            raise
        self._unsure = None

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

    def _tell(self, piece: Piece, reasons: pl.DataFrame) -> None:
        """Tell of rejected rows, also that there are none where some were told."""
        if self._on_refused is not None and (reasons.height or self._told is not None):
            self._told = piece
            self._on_refused(piece, reasons)

    def _error_of(self, error: ServerError, piece: Piece) -> WriteError:
        """Return the error to raise for one that no row is to blame for."""
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
    """Return what becomes of a piece's rows, those included that ended before it."""
    rejected = piece.rejected + written.counts.rejected
    return replace(written.counts, read=piece.read, rejected=rejected)
