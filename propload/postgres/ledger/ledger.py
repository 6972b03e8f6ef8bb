"""What was committed: the entries of a run's pieces, wherever they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from propload.errors import LockedError, WriteError

if TYPE_CHECKING:
    from propload.batch import Piece
    from propload.postgres.ledger.entry import LedgerEntry
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.report import Counts


class Ledger(Protocol):
    """Where committed pieces are entered; shared by all lanes of a run."""

    run_id: str

    def describe(self, connection: Connection, run: RunRecord) -> None:
        """Enter what holds for the run's pieces from now on, and commit.

        Raises:
            LockedError: Another process has gone on with the run.
        """

    def record(self, connection: Connection, piece: Piece, counts: Counts) -> bool:
        """Enter a piece; called in its transaction, before the commit.

        Returns:
            False where it is entered already, by an attempt that was committed.

        Raises:
            LockedError: Another process has gone on with the run.
            WriteError: It cannot be entered.
        """

    def settle(self, piece: Piece | LedgerEntry) -> None:
        """Learn that the commit of a piece came through."""

    def find(self, connection: Connection, piece: Piece) -> LedgerEntry | None:
        """Return the entry of a piece, or None where it was not committed."""

    def committed(self, connection: Connection) -> list[LedgerEntry]:
        """Return every entry of the run, in the order of batch and lane."""

    def enter_end(self, connection: Connection, status: str) -> None:
        """Enter how the run ended; part of the open transaction.

        Raises:
            LockedError: Another process has gone on with the run.
            WriteError: The ledger knows the run no more.
        """

    def other_open_runs(self, connection: Connection, target: str) -> list[str]:
        """Return other runs that have committed rows into a table and still go on."""

    def settle_end(self, status: str) -> None:
        """Learn that the commit of the run's end came through."""

    def status(self, connection: Connection) -> str | None:
        """Return how the run ended as far as is entered, or None."""


def taken_over(run_id: str, /) -> LockedError:
    """Return the error of who goes on with a run that another process holds."""
    msg = f"another process is continuing run {run_id}: wait for it to end"
    return LockedError(msg)


def unknown_run(run_id: str, /) -> WriteError:
    """Return the error of who goes on with a run that the ledger knows no more."""
    msg = (
        f"the line of run {run_id} is gone from the ledger (propload.runs): somebody "
        "has deleted it, so nothing more of the run can be recorded"
    )
    return WriteError(msg, goes_on=False)


def ledger_gone(run_id: str, /) -> WriteError:
    """Return the error of a run whose ledger is not there any more."""
    msg = (
        "the ledger (propload.runs and propload.ledger) is gone: somebody has dropped "
        f"it, so nothing more of run {run_id} can be recorded"
    )
    return WriteError(msg, goes_on=False)
