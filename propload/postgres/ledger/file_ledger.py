"""What was committed, in a file of the state folder: without the right to a schema.

A file is no part of a transaction, so an entry says which one its piece is in, and
the server is asked what became of that.
"""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from propload.errors import TransientWriteError, WriteError
from propload.options import Places
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.failures import lost_session
from propload.postgres.sql import ledger
from propload.private_files import write_private
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from propload.batch import Piece
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection

log = logging.getLogger(__name__)

#: How the names of these files end.
_ENDING = ".ledger.ndjson"
#: What the server says of a transaction's number that it has not given out: it came
#: back from a crash, and never heard of that transaction.
_IN_THE_FUTURE = "22023"


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What a file tells of the pieces of a run, each by its batch and lane.

    Attributes:
        open: Those of which nobody noted how their transaction ended.
        settled: Those that are committed.
        unknown: The batches of committed ones whose entry is not there.
    """

    open: dict[tuple[int, int], tuple[str, LedgerEntry]] = field(default_factory=dict)
    settled: dict[tuple[int, int], LedgerEntry] = field(default_factory=dict)
    unknown: list[int] = field(default_factory=list)

    def enter(self, transaction: str, entry: LedgerEntry) -> None:
        """Take up that a transaction has written a piece."""
        self.open[entry.batch, entry.lane] = transaction, entry

    def settle(self, batch: int, lane: int) -> None:
        """Take up that a piece is committed."""
        _, entry = self.open.pop((batch, lane), (None, None))
        if entry is not None:
            self.settled[batch, lane] = entry
        elif (batch, lane) not in self.settled:
            self.unknown.append(batch)


class FileLedger:
    """The ledger in the state folder: an entry stands there before its commit.

    Where nobody noted how a commit ended, because its answer was lost or the process
    was killed, the server is asked whether that transaction was committed.

    Args:
        state_dir: The state folder; the file's own is made, private, when needed.
        run: The run.
        database: Which database it writes into, as `identity_of` tells it.
    """

    def __init__(
        self, state_dir: Path, run: RunRecord, *, database: str | None = None
    ) -> None:
        self.run_id = run.run_id
        self._lock = threading.Lock()
        self._open: dict[tuple[int, int], tuple[str, LedgerEntry]] = {}
        #: Committed pieces of which the disk refused to take note.
        self._unnoted: dict[tuple[int, int], LedgerEntry] = {}
        self.path = path_of(state_dir, run.run_id)
        self._ending: tuple[str, str] | None = None
        self._database = database
        #: What was written down last of what holds for the run's pieces.
        self._settings: str | None = None
        if self.path.exists():
            self._read(run)
        if self._settings is None:
            self._describe(run)

    def describe(self, connection: Connection, run: RunRecord) -> None:  # noqa: ARG002 - the ledger's form
        """Write down what holds for the run's pieces from now on."""
        with self._lock:
            if run.settings != self._settings:
                self._describe(run)

    def _describe(self, run: RunRecord) -> None:
        self._append({"run": asdict(run), "database": self._database})
        self._settings = run.settings

    def record(self, connection: Connection, piece: Piece, counts: Counts) -> bool:
        """Write down which transaction the piece is in."""
        number = self._transaction(connection)
        entry = LedgerEntry(
            piece.batch, piece.lane, piece.first_row, piece.through_row, counts
        )
        with self._lock:
            self._open[piece.batch, piece.lane] = (number, entry)
            self._append({"transaction": number, "entry": asdict(entry)})
        return True

    def settle(self, piece: Piece | LedgerEntry) -> None:
        """Write down that the piece is committed."""
        place = piece.batch, piece.lane
        with self._lock:
            _, entry = self._open.pop(place)
            # of all others the file knows: a service writes pieces for years
            if not self._note({"committed": place}):
                self._unnoted[place] = entry

    def find(self, connection: Connection, piece: Piece) -> LedgerEntry | None:
        """Return the entry of a piece, asking the server where it is open."""
        place = piece.batch, piece.lane
        if place in self._open and was_committed(connection, self._open[place][0]):
            self.settle(piece)
        return self._settled().get(place)

    def committed(self, connection: Connection) -> list[LedgerEntry]:
        """Return every entry of the run, asking the server about the open ones."""
        for number, entry in list(self._open.values()):
            if was_committed(connection, number):
                self.settle(entry)
        found = self._settled()
        return [found[place] for place in sorted(found)]

    def enter_end(self, connection: Connection, status: str) -> None:
        """Write down which transaction the run's end is in."""
        number = self._transaction(connection)
        with self._lock:
            self._ending = number, status
            self._append({"ending": self._ending})

    def other_open_runs(self, connection: Connection, target: str) -> list[str]:  # noqa: ARG002 - of other runs a file knows nothing
        """Return nothing: of other runs a file knows nothing."""
        return []

    def settle_end(self, status: str) -> None:
        """Write down how the run ended."""
        with self._lock:
            self._note({"status": status})

    def status(self, connection: Connection) -> str | None:
        """Return how the run ended, asking the server whether that was committed."""
        if self._ending is None:
            return None
        number, status = self._ending
        return status if was_committed(connection, number) else None

    def _transaction(self, connection: Connection) -> str:
        """Return the number of the open transaction.

        Raises:
            WriteError: It runs in another session than the one that was opened.
        """
        query = ledger.transaction(self.run_id, token=connection.token)
        number = connection.value(query)
        if number is None:
            raise lost_session()
        return str(number)

    def _read(self, run: RunRecord) -> None:
        """Take up what stands there."""
        if not self.path.read_bytes().endswith(b"\n"):
            # what a power cut tore must not take the next line along
            write_private(self.path, b"\n", add=True)
        for line in read_lines(self.path):
            if "run" in line:
                self._settings = line["run"].get("settings", "{}")
                self._database = line.get("database") or self._database
            elif "ending" in line:
                number, status = line["ending"]
                self._ending = str(number), str(status)
        pieces = self._written()
        if pieces.unknown and run.mode == "append":
            batch = pieces.unknown[0]
            msg = (
                f"the run's ledger {self.path} is damaged: which rows batch {batch} "
                "had is not known, and in append mode they might be written twice. See "
                "what the table holds, and load the source anew, without --resume"
            )
            raise WriteError(msg, table=run.target, batch=batch)
        self._open = pieces.open

    def _settled(self) -> dict[tuple[int, int], LedgerEntry]:
        """Return the pieces that are committed, as far as is known."""
        return {**self._written().settled, **self._unnoted}

    def _written(self) -> _Pieces:
        """Return what stands in the file of pieces."""
        pieces = _Pieces()
        # somebody may have removed it
        with suppress(FileNotFoundError):
            for line in read_lines(self.path):
                if "entry" in line:
                    pieces.enter(str(line["transaction"]), _read_entry(line["entry"]))
                elif "committed" in line:
                    batch, lane = line["committed"]
                    pieces.settle(batch, lane)
        return pieces

    def _note(self, line: dict[str, object]) -> bool:
        """Write down what is committed; where that fails, the server still knows."""
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
                f"Make room, then go on with --resume {self.run_id}"
            )
            raise WriteError(msg) from error


def path_of(state_dir: Path, run_id: str, /) -> Path:
    """Return the file of a run's ledger, which may not be there."""
    return Places(state_dir).runs / f"{run_id}{_ENDING}"


def ledger_files(state_dir: Path, /) -> list[Path]:
    """Return the files of all ledgers that are files."""
    return list(Places(state_dir).runs.glob(f"*{_ENDING}"))


def identity_of(connection: Connection, /) -> str | None:
    """Return what a database is known by, or None where this user may not ask."""
    try:
        return str(connection.value(ledger.IDENTITY))
    except ServerError as error:
        if error.sqlstate is None:
            raise
        return None
    finally:
        connection.rollback()


def was_committed(connection: Connection, number: str, /) -> bool:
    """Return whether a transaction was committed.

    Raises:
        TransientWriteError: The server has not ended it.
        ServerError: The server did not answer.
        WriteError: It was so long ago that the server has forgotten.
    """
    try:
        status = connection.value(ledger.status_of(number))
    except ServerError as error:
        connection.rollback()
        if error.sqlstate != _IN_THE_FUTURE:
            raise
        return False
    connection.rollback()
    if status == "in progress":
        msg = "the outcome of the last commit is not known yet"
        raise TransientWriteError(msg)
    if status is None:
        msg = (
            f"the server no longer knows whether transaction {number} of this run was "
            "committed, so its rows might be written twice: see what the table holds, "
            "and load the source anew, without --resume"
        )
        raise WriteError(msg)
    return bool(status == "committed")


def _read_entry(written: dict[str, Any]) -> LedgerEntry:
    return LedgerEntry(**{**written, "counts": Counts(**written["counts"])})


def read_lines(path: Path, /) -> Iterator[dict[str, Any]]:
    """Yield what stands in a ledger's file, but for the torn end of a killed run."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            with suppress(json.JSONDecodeError):
                yield json.loads(line)
