"""Choose the ledger of a run: the database's, or a file once it began in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.ledger.database_ledger import DatabaseLedger, make_ledger
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.ledger.ledger_file import identity_of, path_of

if TYPE_CHECKING:
    from pathlib import Path

    from propload.postgres.ledger.ledger import Ledger
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection


def open_ledger(
    session: Connection, run: RunRecord, state_dir: Path, /, *, holder: str
) -> Ledger:
    """Return the ledger of a run, after entering the run in it.

    A run whose ledger began as a file keeps it, even if the user may create the schema
    by now: what it committed is recorded nowhere else.

    Args:
        session: A session of the target's database.
        run: The run.
        state_dir: The state folder.
        holder: The name of the process that enters its pieces.

    Raises:
        LockedError: Another process has taken over the run.
        ServerError: The server refused, or the connection is gone.
    """
    ledger: Ledger
    if not path_of(state_dir, run.run_id).exists() and make_ledger(session):
        ledger = DatabaseLedger(run.run_id, holder)
    else:
        ledger = FileLedger(state_dir, run, database=identity_of(session))
    ledger.enter_run(session, run)
    return ledger


def find_ledger(run: RunRecord, state_dir: Path, /) -> Ledger:
    """Return the ledger of a run that was entered before, to read what it committed."""
    if path_of(state_dir, run.run_id).exists():
        return FileLedger(state_dir, run)
    return DatabaseLedger(run.run_id)
