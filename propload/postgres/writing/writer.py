"""Writes pieces into a table, each in one transaction, and accounts for every row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propload.batch import ROW
from propload.errors import CountsError, TransientWriteError, WriteError
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import merging
from propload.postgres.sql.screening import SERVER_ERROR_CODES
from propload.postgres.writing.approach import Approach
from propload.postgres.writing.attempt import Attempt
from propload.postgres.writing.committing import PieceCommitter, piece_counts
from propload.postgres.writing.erasing import ErasureCounter
from propload.postgres.writing.fast_path import FastPath
from propload.postgres.writing.merging import write_stage
from propload.postgres.writing.refused.screening import Screener
from propload.postgres.writing.refused.sifting import Sifter
from propload.postgres.writing.staging import fill_stage, select_sent
from propload.postgres.writing.triage import Triage
from propload.postgres.writing.watched_table import WatchedTable

if TYPE_CHECKING:
    import polars as pl

    from propload.batch import Piece
    from propload.postgres.ledger.ledger import Ledger
    from propload.postgres.session.connection import Connection
    from propload.postgres.session.failures import Failure
    from propload.postgres.sql.shape import Shape
    from propload.postgres.tables.assumptions import Assumptions
    from propload.postgres.writing.lane_session import LaneSession
    from propload.postgres.writing.stored.stored_rows import StoredRows
    from propload.target import OnRefused, Written

#: A unique index refused the row: on the direct path, its key is stored already.
UNIQUE_VIOLATION = "23505"
#: A statement met a key twice: keys that differ in the frame are equal to the server.
#: Row by row, it takes both.
DUPLICATE_KEY = "21000"


class TableWriter(PieceCommitter):
    """Writes the pieces of one lane; owned and used by one thread.

    A piece is copied straight into the table while none of its keys is stored there,
    and through the session's stage otherwise. Rows that the server refuses are found,
    left out, and returned with their reasons.

    Args:
        session: The lane's session; no other writer uses it any longer.
        shape: How rows go into the table.
        ledger: The ledger in which pieces are entered.
        empty: Whether the table was empty when the run began.
        assumptions: What the shape assumes about the table; None if no one else can
            change it.
        stored: The known rows of the table, or None if rows are not compared with them.
        on_refused: Called with the rejected rows of a piece before its commit; with an
            empty frame if a later attempt of the piece has none.
    """

    def __init__(
        self,
        session: LaneSession,
        shape: Shape,
        ledger: Ledger,
        *,
        empty: bool,
        assumptions: Assumptions | None,
        stored: StoredRows | None,
        on_refused: OnRefused | None,
    ) -> None:
        super().__init__(
            session,
            ledger,
            # messages name the target even while its shadow is written
            shape.shadow_names.replace_in_text(str(shape.table)),
            shadow_names=shape.shadow_names,
            on_refused=on_refused,
        )
        self._shape = shape
        self._table = WatchedTable(shape, assumptions)
        self._stored = stored
        self._fast_path = FastPath(fast=empty or not shape.key)
        self._screener = Screener(shape)
        self._sifter = Sifter(shape)
        self._erasures = ErasureCounter(shape)
        self._triage = Triage(shape, self._sifter)

    def cancel(self) -> None:
        """Cancel the running statement or wait, from another thread."""
        if self._stored is not None:
            self._stored.give_up()
        super().cancel()

    def _set_up(self) -> None:
        if self._is_direct:
            self._session.open()
        else:
            self._session.make_stage(self._shape)

    def _load(self, connection: Connection, piece: Piece) -> Written:
        """Try to write a piece until the server accepts it without its bad rows."""
        self._erasures.begin()
        approach = self._first_approach(connection, piece)
        while True:
            attempt = self._attempt(connection, approach)
            try:
                if not attempt.direct:
                    self._session.make_stage(self._shape)
                written = attempt.write()
                versions = self._with_versions(approach, written)
                if versions is None and self._may_leave_out(
                    connection, piece, approach
                ):
                    return self._commit_written(connection, piece, attempt, written)
                connection.rollback()
                approach = versions or self._first_approach(connection, piece)
            except ServerError as error:
                connection.rollback()
                failure = failures.classify(error)
                # the conflict may be with an earlier attempt whose commit succeeded
                earlier = failure.kind == "data" and self._recall(connection, piece)
                if earlier:
                    return earlier
                next_approach = self._next_approach(connection, attempt, failure)
                if next_approach is None:
                    raise
                approach = next_approach

    def _first_approach(self, connection: Connection, piece: Piece) -> Approach:
        """Return the first approach to a piece: without rows known to be stored."""
        layers = tuple(select_sent(layer, self._shape) for layer in piece.rows.layers)
        versions = piece.rows.versions
        if versions is not None:
            versions = select_sent(versions, self._shape)
        if self._stored is None:
            return Approach(layers, versions)
        remaining, unchanged = self._stored.drop_unchanged(
            connection, layers, versions, count_stored=self._count_stored
        )
        return Approach(remaining, versions, unchanged=unchanged)

    def _count_stored(self, rows: pl.DataFrame) -> int | None:
        """Return how many rows are stored unchanged, or None if one is refused."""
        self._session.make_stage(self._shape)
        connection = self._session.open()
        try:
            fill_stage(connection, rows)
            changes = sum(map(int, connection.rows(merging.forecast(self._shape))[0]))
        except ServerError as error:
            if failures.is_transient(error):
                raise
            return None
        finally:
            connection.rollback()
        return rows.height - changes

    def _with_versions(self, approach: Approach, written: Written) -> Approach | None:
        """Return the approach that also tries the duplicates of refused rows.

        None if refused rows have no duplicates.
        """
        if not written.reasons.height:
            return None
        rows = written.reasons.get_column(ROW)
        shape = self._shape
        return approach.with_versions_of(
            rows, shape.key, server_equality=shape.key_has_server_equality
        )

    @property
    def _is_direct(self) -> bool:
        """Whether the next piece may be copied straight into the table."""
        return self._fast_path.fast and self._shape.direct

    def _attempt(self, connection: Connection, approach: Approach) -> Attempt:
        direct = (
            self._is_direct and approach.step == "none" and len(approach.layers) <= 1
        )
        return Attempt(
            connection,
            self._shape,
            self._screener,
            self._sifter,
            approach,
            direct=direct,
            erasures=self._erasures,
        )

    def _next_approach(
        self, connection: Connection, attempt: Attempt, failure: Failure
    ) -> Approach | None:
        """Return the next approach to the piece, or None if there is none."""
        is_of_rows = failure.kind == "data" or failure.sqlstate == DUPLICATE_KEY
        if not is_of_rows and not self._may_be_of_rows(connection, failure):
            return None
        is_stored = failure.sqlstate == UNIQUE_VIOLATION and attempt.direct
        if is_stored and self._shape.key:
            self._fast_path.note_stored_key()
            return attempt.approach
        self._session.make_stage(self._shape)
        return self._triage.next_approach(
            connection,
            attempt.approach,
            attempt.layer,
            failure,
            direct=attempt.direct,
        )

    def _may_be_of_rows(self, connection: Connection, failure: Failure) -> bool:
        """Return whether a permanent failure may yet be caused by rows.

        The input functions of some types, and triggers, raise the codes of a wrong
        statement. So the statement is tried with an empty stage: if it succeeds, rows
        may be at fault.
        """
        state = failure.sqlstate
        if (
            failure.kind != "permanent"
            or not state
            or state.startswith(SERVER_ERROR_CODES)
        ):
            return False
        try:
            self._session.make_stage(self._shape)
            write_stage(connection, self._shape, ())
        except WriteError as error:
            if failures.is_transient(error):
                raise
            return False
        finally:
            connection.rollback()
        return True

    def _error_of(self, error: ServerError, piece: Piece) -> WriteError:
        raised = super()._error_of(error, piece)
        if isinstance(raised, TransientWriteError):
            return raised
        return self._table.root_cause(self._session.open(), raised, piece.batch)

    def _commit_written(
        self, connection: Connection, piece: Piece, attempt: Attempt, written: Written
    ) -> Written:
        """Enter a piece that was written, commit it, and return its outcome."""
        self._require_accounted(piece, written)
        erased = self._erasures.least_erased(written.counts.rejected)
        written = replace(written, erased=erased)
        committed = self._enter_and_commit(connection, piece, written)
        self._erasures.exclude_counted()
        if committed is written and not attempt.direct:
            self._fast_path.note_staged(attempt.height, new=written.counts.inserted)
        return committed

    def _may_leave_out(
        self, connection: Connection, piece: Piece, approach: Approach
    ) -> bool:
        """Return whether the rows that were not sent can be counted as unchanged.

        They cannot if the table was truncated or rewritten, or if writing a row may
        change others by now: then all rows are sent from now on.
        """
        is_same = not piece.rows.height or self._table.require_unchanged(connection)
        if is_same or self._stored is None:
            return True
        self._stored.give_up()
        return not approach.unchanged

    def _require_accounted(self, piece: Piece, written: Written) -> None:
        """Raise an error if not every row of a piece is accounted for."""
        counts = written.counts
        expected = piece.rows.height + piece.rows.duplicates
        if counts.accounted != expected or not counts.possible:
            msg = (
                f"{self._target}: {expected:,} rows of batch {piece.batch} were "
                f"written but {counts.accounted:,} are accounted for "
                f"({piece_counts(piece, written)}); the batch was not committed: "
                "please report this with the command that you ran"
            )
            raise CountsError(msg)
