"""The files of ledgers: where they are, and what their lines say about a run.

A file names transactions; only the server knows which of them were committed.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from propload.errors import TransientWriteError, WriteError
from propload.options import Places
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.run_record import RunRecord
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import ledger
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from propload.postgres.session.connection import Connection

log = logging.getLogger(__name__)

#: The suffix of these files.
_SUFFIX = ".ledger.ndjson"
#: The SQLSTATE for the number of a transaction that the server has not assigned yet: it
#: recovered from a crash in which that transaction was lost.
_UNASSIGNED_TRANSACTION = "22023"


def path_of(state_dir: Path, run_id: str, /) -> Path:
    """Return the path of a run's ledger file, which need not exist."""
    return Places(state_dir).runs / f"{run_id}{_SUFFIX}"


def ledger_files(state_dir: Path, /) -> list[Path]:
    """Return the paths of all ledger files."""
    return list(Places(state_dir).runs.glob(f"*{_SUFFIX}"))


def read_lines(path: Path, /) -> Iterator[dict[str, Any]]:
    """Yield the lines of a ledger's file; skip those torn when a run was killed."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            with suppress(json.JSONDecodeError):
                yield json.loads(line)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of a run that a file has, by batch and lane.

    Attributes:
        open: Those whose outcome was not recorded, with their transaction's number.
        committed: Those that are committed.
        unknown: The batches of committed pieces whose entry is missing.
    """

    open: dict[tuple[int, int], tuple[str, LedgerEntry]] = field(default_factory=dict)
    committed: dict[tuple[int, int], LedgerEntry] = field(default_factory=dict)
    unknown: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, /) -> Self:
        """Return the pieces in a file; none if the file was removed."""
        pieces = cls()
        with suppress(FileNotFoundError):
            for line in read_lines(path):
                if "entry" in line:
                    entry = _read_entry(line["entry"])
                    open_piece = str(line["transaction"]), entry
                    pieces.open[entry.batch, entry.lane] = open_piece
                elif "committed" in line:
                    pieces._mark_committed(*line["committed"])
        return pieces

    def _mark_committed(self, batch: int, lane: int) -> None:
        _, entry = self.open.pop((batch, lane), (None, None))
        if entry is not None:
            self.committed[batch, lane] = entry
        elif (batch, lane) not in self.committed:
            self.unknown.append(batch)


def _read_entry(written: dict[str, Any]) -> LedgerEntry:
    return LedgerEntry(**{**written, "counts": Counts(**written["counts"])})


def read_file(
    connection: Connection,
    path: Path,
    database_id: str | None,
    /,
    *,
    source: str | None = None,
) -> RunRecord | None:
    """Return the run of a ledger's file, or None if it is of another database.

    Args:
        connection: A connection to the database.
        path: The file.
        database_id: The identity of the database, or None if this user may not ask
            for it.
        source: The source that the run must have, or None for any. For a run of another
            source, None is returned after its file's first line was read.
    """
    record, status, ending = None, "running", None
    names = {f.name for f in fields(RunRecord)}
    for line in read_lines(path):
        if database_id is not None and line.get("database") not in (None, database_id):
            return None
        if "run" in line:
            record = RunRecord(**{n: v for n, v in line["run"].items() if n in names})
            if source not in (None, record.source):
                return None
        if "status" in line:
            status, ending = line["status"], None
        ending = line.get("ending", ending)
    if ending is not None and _is_committed(connection, ending[0]):
        status = ending[1]
    return replace(record, status=status) if record else None


def _is_committed(connection: Connection, transaction_id: str) -> bool:
    """Return whether an end was committed that a killed process did not record."""
    try:
        return was_committed(connection, transaction_id)
    except WriteError as error:
        log.debug(
            "whether transaction %s was committed is not known: %s",
            transaction_id,
            error,
        )
        return False


def identity_of(connection: Connection, /) -> str | None:
    """Return the identity of a database, or None if this user may not ask for it."""
    try:
        return str(connection.value(ledger.IDENTITY))
    except ServerError as error:
        if error.sqlstate is None:
            raise
        return None
    finally:
        connection.rollback()


def was_committed(connection: Connection, transaction_id: str, /) -> bool:
    """Return whether a transaction was committed.

    Raises:
        TransientWriteError: It is still in progress.
        ServerError: The server did not answer.
        WriteError: It is so old that the server no longer knows its outcome.
    """
    try:
        status = connection.value(ledger.transaction_status(transaction_id))
    except ServerError as error:
        connection.rollback()
        if error.sqlstate != _UNASSIGNED_TRANSACTION:
            raise
        return False
    connection.rollback()
    if status == "in progress":
        msg = "the outcome of the last commit is not known yet"
        raise TransientWriteError(msg)
    if status is None:
        msg = (
            f"the server no longer knows whether transaction {transaction_id} of this "
            "run was committed, so its rows might be written twice: check what the "
            "table holds, then load the source again, without --resume"
        )
        raise WriteError(msg)
    return bool(status == "committed")
