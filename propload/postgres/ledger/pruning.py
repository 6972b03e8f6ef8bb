"""Delete runs from the ledger that ended long ago and will not be continued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.postgres.ledger.access import LedgerAccess
from propload.postgres.ledger.ledger_file import identity_of, ledger_files, read_file
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import ledger
from propload.state.run_files import delete, written_before

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.target import TableName

#: What messages call the ledger.
_LEDGER = "propload.ledger"


@dataclass(frozen=True, slots=True)
class KeptRuns:
    """Runs that stay in the ledger, because their rows may be loaded again.

    Attributes:
        sources: The names of sources whose runs stay: rejected rows that are kept.
        runs: The IDs of runs whose journal is kept.
    """

    sources: Collection[str]
    runs: Collection[str]

    def has(self, run: RunRecord, /) -> bool:
        """Return whether a run stays."""
        return run.source in self.sources or run.run_id in self.runs


def prune_runs(
    connection: Connection,
    state_dir: Path,
    before: datetime,
    /,
    *,
    table: TableName | None,
    kept: KeptRuns,
) -> int:
    """Delete old loaded runs from the ledgers; return how many were deleted.

    Runs with another status stay: they may still be continued, or their journals
    recovered, and only the ledger knows which of their rows are in the table.

    Args:
        connection: A connection to the database.
        state_dir: The state folder, which holds the ledgers of runs that could not
            keep them in the database.
        before: Only runs that ended before this are deleted.
        table: Only runs into this table are deleted; None for all tables.
        kept: Runs that stay in any case.

    Raises:
        WriteError: This user may not delete from the ledger, or the connection broke.
    """
    target = "" if table is None else str(table)
    try:
        deleted = 0
        if LedgerAccess.of(connection).is_usable:
            params = (before, target, "\n".join(kept.sources), "\n".join(kept.runs))
            deleted = int(connection.value(ledger.DELETE_LOADED_RUNS, params))
        connection.commit()
        old = written_before(before, ledger_files(state_dir))
        return deleted + _delete_files(connection, old, target, kept)
    except ServerError as error:
        raise failures.as_write_error(
            error, table=_LEDGER, doing="runs were deleted there"
        ) from error


def _delete_files(
    connection: Connection, old: list[Path], target: str, kept: KeptRuns
) -> int:
    """Delete the ledger files of loaded runs into a target, of any if it is empty."""
    database_id = identity_of(connection) if old else None
    deleted = 0
    for path in old:
        run = read_file(connection, path, database_id)
        if run is None or run.status != ledger.LOADED or kept.has(run):
            continue
        if target in ("", run.target):
            deleted += delete(path)
    return deleted
