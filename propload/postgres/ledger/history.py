"""Read from the ledger what earlier runs committed, to continue where they ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.batch import PartialBatch
from propload.options import Places
from propload.postgres.ledger.access import LedgerAccess
from propload.postgres.ledger.ledger_file import (
    identity_of,
    ledger_files,
    path_of,
    read_file,
)
from propload.postgres.ledger.opening import find_ledger
from propload.postgres.ledger.run_record import RunRecord
from propload.postgres.sql import ledger
from propload.report import Counts
from propload.starting import Start
from propload.state.run_files import is_file_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from propload.postgres.ledger.entry import LedgerEntry
    from propload.postgres.session.connection import Connection


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """The point at which a run is continued.

    Attributes:
        run: The run.
        start: The first row that is not committed, and what is committed.
        committed: The batch number and lane of every committed piece.
        entries: All entries of the run in the ledger.
        dropped_rows: How many of its first rows the source no longer has.
    """

    run: RunRecord
    start: Start
    committed: frozenset[tuple[int, int]] = frozenset()
    entries: tuple[LedgerEntry, ...] = ()
    dropped_rows: int = 0

    def with_rewrite(self, *, whole: bool) -> ResumePoint:
        """Return the point of a run that rewrites the batches committed in part.

        Args:
            whole: Whether it begins again at its first row.
        """
        first = 0 if whole else self.start.first_row
        run = self.run.with_void_entries(first, self.start.batch)
        return make_point(run, self.entries, dropped_rows=self.dropped_rows)


def runs_of(
    connection: Connection, state_dir: Path, source: str, target: str, /
) -> list[RunRecord]:
    """Return the recorded runs of a source into a table, newest first.

    Args:
        connection: A connection to the target's database.
        state_dir: The state folder, which holds the ledgers of runs that could not
            keep them in the database.
        source: The name of the source.
        target: The qualified name of the table.
    """
    place = (source, target)
    in_database = _in_database(connection, ledger.RUNS_OF, place)
    in_files = _in_files(connection, ledger_files(state_dir), source)
    runs = [*in_database, *(run for run in in_files if run.target == target)]
    return sorted(runs, key=lambda run: run.run_id, reverse=True)


def find_run(
    connection: Connection, state_dir: Path, run_id: str, /
) -> RunRecord | None:
    """Return a run, or None if no ledger has it; arguments as for `runs_of`."""
    runs = _in_database(connection, ledger.RUN, (run_id,))
    path = path_of(state_dir, run_id)
    if not runs and is_file_of(Places(state_dir).runs, path):
        runs = _in_files(connection, [path])
    return runs[0] if runs else None


def _in_database(
    connection: Connection, query: str, params: tuple[str, ...]
) -> list[RunRecord]:
    runs = []
    if LedgerAccess.of(connection).is_usable:
        runs = [_read_record(row) for row in connection.ask(query, params)]
    connection.rollback()
    return runs


def _in_files(
    connection: Connection, paths: Sequence[Path], source: str | None = None
) -> list[RunRecord]:
    database_id = identity_of(connection) if paths else None
    runs = (read_file(connection, path, database_id, source=source) for path in paths)
    return [run for run in runs if run]


def find_point(
    connection: Connection, state_dir: Path, run: RunRecord, /, *, dropped_rows: int = 0
) -> ResumePoint:
    """Return where to continue a run; `dropped_rows` is as for `make_point`."""
    entries = find_ledger(run, state_dir).committed(connection)
    connection.rollback()
    return make_point(run, entries, dropped_rows=dropped_rows)


def make_point(
    run: RunRecord, entries: Iterable[LedgerEntry], /, *, dropped_rows: int = 0
) -> ResumePoint:
    """Return where to continue a run, given what it committed.

    Each lane commits its batches in order, so the complete batches hold the first rows
    of the run. Their numbers need not be consecutive: a number may have been given to
    rows for which nothing was entered.

    Args:
        run: The run.
        entries: The run's entries in the ledger.
        dropped_rows: How many of its first rows the source no longer has: a journal
            drops only rows that are done with, whether or not the ledger still has
            their entries.
    """
    entries = tuple(entries)
    batches: dict[int, list[LedgerEntry]] = {}
    counts = Counts()
    for entry in entries:
        if not run.still_counts(entry):
            continue
        batches.setdefault(entry.batch, []).append(entry)
        counts += entry.counts
    found = sorted(map(_partial_batch, batches.values()), key=_position)
    first_row = done = unaccounted = 0
    for batch in found:
        follows = first_row <= batch.first_row <= max(first_row, dropped_rows)
        is_complete = len(batch.accounted) >= run.lanes
        if not follows or (not is_complete and batch.through_row > dropped_rows):
            break
        unaccounted += batch.first_row - first_row
        if not is_complete:
            # the server has lost the other entries (`lost_commits_error`)
            rows = batch.through_row - batch.first_row
            unaccounted += rows - sum(batch.accounted.values())
        first_row, done = batch.through_row, done + 1
    start = Start(
        batch=max((entry.batch for entry in entries), default=-1) + 1,
        first_row=max(first_row, dropped_rows),
        partial_batches=tuple(found[done:]),
        counts=counts,
        rows_unaccounted=unaccounted + max(0, dropped_rows - first_row),
        batches=done,
    )
    committed = frozenset(
        (e.batch, e.lane) for pieces in batches.values() for e in pieces
    )
    return ResumePoint(run, start, committed, entries, dropped_rows)


def _position(batch: PartialBatch) -> tuple[int, int, int]:
    return batch.first_row, batch.through_row, batch.number


def _partial_batch(entries: Sequence[LedgerEntry]) -> PartialBatch:
    """Return a batch from its entries."""
    first = entries[0]
    return PartialBatch(
        first.batch,
        first.first_row,
        first.through_row,
        {entry.lane: entry.counts.accounted for entry in entries},
        together=_were_together(entries),
    )


def _were_together(entries: Iterable[LedgerEntry]) -> bool:
    """Return whether the first lane accounted for all rows of a batch.

    The other lanes may have been empty just because no row fell to them. That does no
    harm: with all rows in the first lane, they are empty again.
    """
    # only the first lane's entry counts the rows that were read, and those rejected
    # before routing
    return all(
        entry.counts.accounted == (entry.counts.read if entry.lane == 0 else 0)
        for entry in entries
    )


def _read_record(row: tuple[str, ...]) -> RunRecord:
    run_id, source, fingerprint, target, mode, settings, status = row
    return RunRecord(run_id, source, target, mode, fingerprint, settings, status)
