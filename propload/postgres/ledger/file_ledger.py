"""The ledger as a file of the state folder, for users who may not create its schema.

A file is not part of a transaction. So an entry names the transaction of its piece, and
the server is asked whether that was committed.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.ledger_file import (
    Pieces,
    path_of,
    read_lines,
    was_committed,
)
from propload.postgres.session.failures import lost_session_error
from propload.postgres.sql import ledger
from propload.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from propload.batch import Piece
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.report import Counts

log = logging.getLogger(__name__)


class FileLedger:
    """The ledger in the state folder; an entry is written before its commit.

    If the outcome of a commit was not recorded, because its answer was lost or the
    process was killed, the server is asked whether that transaction was committed.

    Args:
        state_dir: The state folder; the file's own folder in it is created when needed,
            readable by this user only.
        run: The run.
        database: The database that it writes into, as `identity_of` returns it.
    """

    def __init__(
        self, state_dir: Path, run: RunRecord, *, database: str | None = None
    ) -> None:
        self.run_id = run.run_id
        self._lock = threading.Lock()
        self._open: dict[tuple[int, int], tuple[str, LedgerEntry]] = {}
        #: Committed pieces whose commit could not be recorded on disk.
        self._unrecorded: dict[tuple[int, int], LedgerEntry] = {}
        self.path = path_of(state_dir, run.run_id)
        self._ending: tuple[str, str] | None = None
        self._database = database
        #: The settings of the run that were written last.
        self._settings: str | None = None
        if self.path.exists():
            self._read(run)
        if self._settings is None:
            self._write_run(run)

    def enter_run(self, connection: Connection, run: RunRecord) -> None:  # noqa: ARG002 - of `Ledger`
        """Write the run and its settings to the file, if the settings changed."""
        with self._lock:
            if run.settings != self._settings:
                self._write_run(run)

    def _write_run(self, run: RunRecord) -> None:
        self._append({"run": asdict(run), "database": self._database})
        self._settings = run.settings

    def record(self, connection: Connection, piece: Piece, counts: Counts) -> bool:
        """Write the entry of a piece, with the number of its transaction."""
        transaction_id = self._transaction_id(connection)
        entry = LedgerEntry(
            piece.batch, piece.lane, piece.first_row, piece.through_row, counts
        )
        with self._lock:
            self._open[piece.batch, piece.lane] = (transaction_id, entry)
            self._append({"transaction": transaction_id, "entry": asdict(entry)})
        return True

    def mark_committed(self, piece: Piece | LedgerEntry) -> None:
        """Record that the piece is committed."""
        position = piece.batch, piece.lane
        with self._lock:
            _, entry = self._open.pop(position)
            # all others are in the file only: a service writes pieces for years
            if not self._write_outcome({"committed": position}):
                self._unrecorded[position] = entry

    def find(self, connection: Connection, piece: Piece) -> LedgerEntry | None:
        """Return the entry of a committed piece, or None; ask the server if unsure."""
        position = piece.batch, piece.lane
        if position in self._open and was_committed(
            connection, self._open[position][0]
        ):
            self.mark_committed(piece)
        return self._committed_pieces().get(position)

    def committed(self, connection: Connection) -> list[LedgerEntry]:
        """Return every committed entry; ask the server about the open ones."""
        for transaction_id, entry in list(self._open.values()):
            if was_committed(connection, transaction_id):
                self.mark_committed(entry)
        committed = self._committed_pieces()
        return [committed[position] for position in sorted(committed)]

    def enter_end(self, connection: Connection, status: str) -> None:
        """Write how the run ends, with the number of the transaction of its end."""
        transaction_id = self._transaction_id(connection)
        with self._lock:
            self._ending = transaction_id, status
            self._append({"ending": self._ending})

    def other_open_runs(self, connection: Connection, target: str) -> list[str]:  # noqa: ARG002 - a file knows only its own run
        """Return an empty list: a file knows only its own run."""
        return []

    def mark_end_committed(self, status: str) -> None:
        """Record that the end of the run is committed."""
        with self._lock:
            self._write_outcome({"status": status})

    def status(self, connection: Connection) -> str | None:
        """Return how the run ended, or None if the server has not committed an end."""
        if self._ending is None:
            return None
        transaction_id, status = self._ending
        return status if was_committed(connection, transaction_id) else None

    def _transaction_id(self, connection: Connection) -> str:
        """Return the number of the open transaction.

        Raises:
            WriteError: The server runs it in another session than the one that was
                opened.
        """
        query = ledger.transaction_id(self.run_id, token=connection.token)
        transaction_id = connection.value(query)
        if transaction_id is None:
            raise lost_session_error()
        return str(transaction_id)

    def _read(self, run: RunRecord) -> None:
        """Load what an earlier process of the run wrote to the file."""
        if not self.path.read_bytes().endswith(b"\n"):
            # otherwise the next line would be appended to one torn by a power cut
            write_private(self.path, b"\n", add=True)
        for line in read_lines(self.path):
            if "run" in line:
                self._settings = line["run"].get("settings", "{}")
                self._database = line.get("database") or self._database
            elif "ending" in line:
                transaction_id, status = line["ending"]
                self._ending = str(transaction_id), str(status)
        pieces = Pieces.read(self.path)
        if pieces.unknown and run.mode == "append":
            batch = pieces.unknown[0]
            msg = (
                f"the run's ledger {self.path} is damaged: it is not known which rows "
                f"batch {batch} had, and in append mode they might be written twice. "
                "Check what the table holds, then load the source again, without "
                "--resume"
            )
            raise WriteError(msg, table=run.target, batch=batch)
        self._open = pieces.open

    def _committed_pieces(self) -> dict[tuple[int, int], LedgerEntry]:
        """Return the pieces that are known to be committed."""
        return {**Pieces.read(self.path).committed, **self._unrecorded}

    def _write_outcome(self, line: dict[str, object]) -> bool:
        """Record what is committed; return False if that fails: the server knows it."""
        try:
            self._append(line)
        except WriteError as error:
            log.warning("%s", error)
            return False
        return True

    def _append(self, line: dict[str, object]) -> None:
        try:
            write_private(self.path, json.dumps(line).encode() + b"\n", add=True)
        except OSError as error:
            msg = (
                f"the run's ledger {self.path} cannot be written: {error.strerror}. "
                f"Make room, then continue with --resume {self.run_id}"
            )
            raise WriteError(msg) from error
