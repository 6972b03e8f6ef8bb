"""What must be unchanged so that a run can be resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.errors import ConfigError, SourceError
from propload.messages.wording import counted
from propload.running.resuming.settings_fingerprint import SHAPING

if TYPE_CHECKING:
    from propload.journal import JournalSource
    from propload.messages.suggested_commands import Commands
    from propload.postgres.ledger.history import ResumePoint
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.tables.facts import TableFacts


def require_same_run(run: RunRecord, record: RunRecord, *, otherwise: str) -> None:
    """Raise unless a run had the same rows and loaded them in the same way.

    Args:
        run: The run to resume.
        record: The run that is to begin.
        otherwise: What to do instead, for the message.

    Raises:
        ConfigError: The run wrote into another table, or with other settings.
        SourceError: The source has changed since, or has no fingerprint.
    """
    if (run.target, run.mode) != (record.target, record.mode):
        msg = (
            f"run {run.run_id} wrote into {run.target} in mode {run.mode}, not into "
            f"{record.target} in mode {record.mode}: resume it with its own settings"
        )
        raise ConfigError(msg)
    if record.fingerprint is None or run.fingerprint != record.fingerprint:
        cause = (
            "cannot be recognized"
            if record.fingerprint is None
            else f"has changed since run {run.run_id} read it"
        )
        msg = f"{record.source} {cause}, so its rows cannot be told apart: {otherwise}"
        raise SourceError(msg, source=record.source)
    if record.compare_shaping(run) == "other":
        msg = (
            f"run {run.run_id} read, mapped or matched its rows with other settings "
            f"({', '.join(SHAPING)}; also what mapping and schema hold): continue with "
            f"its own, or {otherwise}"
        )
        raise ConfigError(msg)


def require_same_target(
    point: ResumePoint, record: RunRecord, commands: Commands
) -> None:
    """Raise if the rest of a journal would be written to another table, or differently.

    Args:
        point: Where the run had ended.
        record: The run that is to begin.
        commands: Words commands that find the journal.

    Raises:
        ConfigError: The run wrote into another table, or in another mode.
    """
    run = point.run
    if point.committed and (run.target, run.mode) != (record.target, record.mode):
        msg = (
            f"run {run.run_id} has written into {run.target} in mode {run.mode}, not "
            f"into {record.target} in mode {record.mode}: recover it with its own "
            "table and mode, or drop what is left "
            f"({commands.drop_journal(run.run_id)})"
        )
        raise ConfigError(msg)


def require_ledger(
    journal: JournalSource, record: RunRecord, commands: Commands
) -> None:
    """Raise if a journal cannot be loaded safely without its run's ledger entries.

    Rows that are written by their key may be written again. In an append they might be
    added twice, and in a replace those that the journal has removed would be missing.

    Args:
        journal: The journal.
        record: The run that is to begin.
        commands: Words commands that find the journal.

    Raises:
        ConfigError: Rows might be added twice, or be missing from a replace.
    """
    if record.mode == "append" and journal.is_entered:
        harm = "so they might be added twice"
    elif record.mode == "replace" and journal.first_row:
        harm = "and the journal no longer has them"
    else:
        return
    run_id = journal.folder.name
    msg = (
        f"run {run_id} is not in the ledger, which recorded which of its rows for "
        f"{record.target} are stored, {harm}: if this user may not read the schema "
        "propload, recover as one who may; otherwise load what is missing again and "
        f"drop the journal ({commands.drop_journal(run_id)})"
    )
    raise ConfigError(msg)


def require_whole_replace(
    point: ResumePoint, record: RunRecord, commands: Commands
) -> None:
    """Raise if rows that a replace had gathered are neither stored nor journaled.

    Args:
        point: Where the run had ended.
        record: The run that is to begin.
        commands: Words commands that find the journal.

    Raises:
        ConfigError: The server has lost rows that the journal no longer has.
    """
    lost = point.start.rows_unaccounted
    if record.mode != "replace" or not lost:
        return
    run_id = point.run.run_id
    msg = (
        f"of the rows that run {run_id} had gathered for {record.target}, the server "
        f"has lost {lost:,} that the journal no longer has, so the table would be "
        "replaced by a part of them: load them all again, then drop the journal "
        f"({commands.drop_journal(run_id)})"
    )
    raise ConfigError(msg)


def vanished_rows_clause(point: ResumePoint, facts: TableFacts | None) -> str:
    """Return a clause on committed rows that are gone with their table, or "".

    Args:
        point: Where the run had ended.
        facts: Its table, or None if it does not exist.
    """
    run, stored = point.run, point.start.counts.stored
    if not stored:
        return ""
    if facts is None:
        cause = "is gone"
    elif run.table_oid not in (None, facts.oid):
        cause = "is a different table now"
    elif facts.empty:
        cause = "has since been emptied"
    else:
        return ""
    written = f"run {run.run_id} had written {counted(stored, 'row')}"
    return f"{written} into {run.target}, which {cause}"
