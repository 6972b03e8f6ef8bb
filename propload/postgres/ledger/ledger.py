"""The interface of a ledger, which records the committed pieces of a run."""

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
    """The record of a run's committed pieces; shared by all its lanes."""

    run_id: str

    def enter_run(self, connection: Connection, run: RunRecord) -> None:
        """Enter the run and the settings that apply from now on, and commit.

        Raises:
            LockedError: Another process has taken over the run.
        """

    def record(self, connection: Connection, piece: Piece, counts: Counts) -> bool:
        """Enter a piece; called in its transaction, before the commit.

        Returns:
            False if it is entered already, by an attempt that was committed.

        Raises:
            LockedError: Another process has taken over the run.
            WriteError: It cannot be entered.
        """

    def mark_committed(self, piece: Piece | LedgerEntry) -> None:
        """Note that a piece is committed; called after its commit succeeded."""

    def find(self, connection: Connection, piece: Piece) -> LedgerEntry | None:
        """Return the entry of a piece, or None if it was not committed."""

    def committed(self, connection: Connection) -> list[LedgerEntry]:
        """Return every committed entry of the run, in order of batch and lane."""

    def enter_end(self, connection: Connection, status: str) -> None:
        """Enter how the run ended, as part of the open transaction.

        Raises:
            LockedError: Another process has taken over the run.
            WriteError: The ledger no longer has the run.
        """

    def other_open_runs(self, connection: Connection, target: str) -> list[str]:
        """Return other runs that committed rows into a table and are still running."""

    def mark_end_committed(self, status: str) -> None:
        """Note that the run's end is committed; called after its commit succeeded."""

    def status(self, connection: Connection) -> str | None:
        """Return the status that is entered for the run, or None if there is none."""


def taken_over_error(run_id: str, /) -> LockedError:
    """Return the error for continuing a run that another process holds."""
    msg = f"another process is continuing run {run_id}: wait for it to end"
    return LockedError(msg)


def unknown_run_error(run_id: str, /) -> WriteError:
    """Return the error for continuing a run that is gone from the ledger."""
    msg = (
        f"the line of run {run_id} is gone from the ledger (propload.runs): somebody "
        "has deleted it, or a standby that was behind has taken over; so nothing more "
        "of the run can be recorded"
    )
    return WriteError(msg, goes_on=False)


def ledger_gone_error(run_id: str, /) -> WriteError:
    """Return the error for a run whose ledger was dropped."""
    msg = (
        "the ledger (propload.runs and propload.ledger) is gone: somebody has dropped "
        f"it, so nothing more of run {run_id} can be recorded"
    )
    return WriteError(msg, goes_on=False)


def lost_commits_error(run_id: str, /) -> WriteError:
    """Return the error for a server that has lost what it had confirmed."""
    msg = (
        f"the server has lost rows of run {run_id} that it had confirmed, with their "
        "entries in the ledger: a standby that was behind has taken over, the server "
        "has crashed with synchronous_commit off, or a backup was restored"
    )
    return WriteError(msg)
