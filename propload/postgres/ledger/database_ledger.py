"""The ledger as two tables of the target database.

The entry of a piece is part of the piece's own transaction. So each row is written
exactly once, even if the run is continued or the mode is append.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from propload.postgres.ledger.access import LedgerAccess
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.ledger import (
    ledger_gone_error,
    lost_commits_error,
    taken_over_error,
    unknown_run_error,
)
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.failures import is_missing, lost_session_error
from propload.postgres.session.locking import run_in_time
from propload.postgres.sql import ledger
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.batch import Piece
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection

#: The SQLSTATEs for an object that another session has created meanwhile.
ALREADY_EXISTS = ("23505", "42P06", "42P07")


class DatabaseLedger:
    """The ledger in the schema `propload` of the target database.

    Args:
        run_id: The run.
        holder: The name of the process that enters pieces; it can only do so while it
            holds the run.
    """

    def __init__(self, run_id: str, holder: str = "") -> None:
        self.run_id = run_id
        self._holder = holder
        #: The last batch of each lane whose commit the server has confirmed. As it
        #: loses the newest first, it has all earlier ones if it has these.
        self._confirmed: dict[int, int] = {}

    def enter_run(self, connection: Connection, run: RunRecord) -> None:
        """Enter the run and the settings that apply from now on, and commit."""
        values = (run.source, run.fingerprint, run.target, run.mode, run.settings)
        begun = connection.ask(ledger.BEGIN, (run.run_id, self._holder, *values))
        connection.commit()
        if not begun:
            raise taken_over_error(run.run_id)

    def record(self, connection: Connection, piece: Piece, counts: Counts) -> bool:
        """Enter a piece in its transaction; return False if it is entered already."""
        owner = {"token": connection.token, "holder": self._holder}
        lane = piece.lane
        confirmed = [(self._confirmed[lane], lane)] if lane in self._confirmed else []
        entry = ledger.insert_entry(self.run_id, piece, counts, confirmed, **owner)
        with self._detect_dropped_ledger(connection):
            if connection.execute(entry):
                return True
        query = ledger.obstacles(self.run_id, **owner)
        is_session, is_known, is_held = connection.rows(query)[0]
        if not is_session:
            raise lost_session_error()
        if not is_known:
            raise unknown_run_error(self.run_id)
        if not is_held:
            raise taken_over_error(self.run_id)
        self._require_entries(connection, confirmed)
        return False

    def mark_committed(self, piece: Piece | LedgerEntry) -> None:
        """Note which entry, committed with its piece, the server has to keep."""
        self._confirmed[piece.lane] = piece.batch

    def find(self, connection: Connection, piece: Piece) -> LedgerEntry | None:
        """Return the entry of a piece, or None if it was not committed."""
        query = ledger.find_entry(self.run_id, piece.batch, piece.lane)
        with self._detect_dropped_ledger(connection):
            rows = connection.rows(query)
        return _entry(rows[0]) if rows else None

    def committed(self, connection: Connection) -> list[LedgerEntry]:
        """Return every entry of the run, in order of batch and lane."""
        rows = connection.ask(ledger.ENTRIES_OF_RUN, (self.run_id,))
        return [_entry(row) for row in rows]

    def enter_end(self, connection: Connection, status: str) -> None:
        """Enter how the run ended."""
        confirmed: list[tuple[int, int]] = []
        if status == ledger.LOADED:
            confirmed = [(batch, lane) for lane, batch in self._confirmed.items()]
        query = ledger.finish(self.run_id, self._holder, status, confirmed)
        with self._detect_dropped_ledger(connection):
            if connection.ask(query):
                return
        if self.status(connection) is None:
            raise unknown_run_error(self.run_id)
        self._require_entries(connection, confirmed)
        raise taken_over_error(self.run_id)

    def _require_entries(
        self, connection: Connection, confirmed: list[tuple[int, int]]
    ) -> None:
        """Raise if the ledger lacks one of some entries."""
        if not connection.ask(ledger.has_entries(self.run_id, confirmed))[0][0]:
            raise lost_commits_error(self.run_id)

    def other_open_runs(self, connection: Connection, target: str) -> list[str]:
        """Return other runs that committed rows into a table and are still running."""
        rows = connection.rows(ledger.CONCURRENT_RUNS, (target, self.run_id))
        return [str(run_id) for (run_id,) in rows]

    def mark_end_committed(self, status: str) -> None:
        """Do nothing: the status was committed with the end."""

    def status(self, connection: Connection) -> str | None:
        """Return the status that is entered for the run, or None if there is none."""
        rows = connection.ask(ledger.STATUS, (self.run_id,))
        return str(rows[0][0]) if rows else None

    @contextmanager
    def _detect_dropped_ledger(self, connection: Connection) -> Iterator[None]:
        """Raise `ledger_gone_error` if a statement failed for a dropped ledger.

        A statement may also fail because another table is missing, which a trigger of
        the ledger uses.
        """
        try:
            yield
        except ServerError as error:
            if is_missing(error):
                connection.rollback()
                if not LedgerAccess.of(connection).exists:
                    raise ledger_gone_error(self.run_id) from error
            raise


def take_over(
    connection: Connection, run_id: str, /, *, holder: str, wait: float
) -> bool:
    """Return whether a process now holds a run, so that no other enters its pieces.

    Args:
        connection: A session without an open transaction.
        run_id: The run; if the ledger does not have it, whoever enters it holds it.
        holder: The name of the process.
        wait: Seconds to wait for the open transactions of another process.
    """
    if not LedgerAccess.of(connection).is_usable:
        connection.commit()
        return True
    params = (run_id, holder)
    return run_in_time(connection, ledger.SET_HOLDER, params, wait=wait)


def make_ledger(connection: Connection, /) -> bool:
    """Create the ledger if it is missing and permitted; return whether it is usable.

    Raises:
        ServerError: The server refused for another reason than a missing right.
    """
    access = LedgerAccess.of(connection)
    if access.may_create and not access.exists:
        _make(connection, () if access.has_schema else ledger.CREATE_SCHEMA)
    connection.commit()
    return access.accepts_runs


def _make(connection: Connection, schema: tuple[str, ...]) -> None:
    """Create schema and tables, also if another session does so at the same time.

    A session that waited for the lock may not see yet that the schema exists. Its
    statements then fail with a duplicate, and there is nothing left to create.
    """
    try:
        statements = (ledger.LOCK_SCHEMA, *schema, *ledger.CREATE_TABLES)
        connection.execute(";".join(statements))
    except ServerError as error:
        connection.rollback()
        if error.sqlstate not in ALREADY_EXISTS:
            raise
        if not LedgerAccess.of(connection).exists:
            raise


def _entry(row: tuple[int, ...]) -> LedgerEntry:
    batch, lane, first_row, through_row = row[:4]
    return LedgerEntry(batch, lane, first_row, through_row, Counts(*row[4:]))
