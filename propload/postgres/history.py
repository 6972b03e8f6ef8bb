"""What earlier runs committed: read from the ledger, to go on where they ended."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.file_ledger import (
    FileLedger,
    identity_of,
    read_lines,
    was_committed,
)
from propload.postgres.ledger import DatabaseLedger, Entry, RunRecord
from propload.postgres.sql import bookkeeping
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from propload.postgres.connection import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a run goes on.

    Attributes:
        run: The run.
        batch: The number of the first batch that is not committed on every lane.
        first_row: The run's 0-based number of that batch's first row.
        ends: Row numbers after the batches that some lanes committed: made again,
            they must end there.
        committed: The (batch, lane) pairs that are committed from there on.
        counts: What is committed already.
    """

    run: RunRecord
    batch: int
    first_row: int
    ends: tuple[int, ...]
    committed: frozenset[tuple[int, int]]
    counts: Counts

    @property
    def lanes(self) -> int:
        """The run's number of lanes: a key's rows must take the same one again."""
        return int(json.loads(self.run.settings).get("workers", 1))


def read_runs(connection: Connection, state_dir: Path, /) -> list[RunRecord]:
    """Return the runs that the ledger knows, newest first.

    Args:
        connection: To the target's database.
        state_dir: The state folder, where the ledger is of runs that could not
            keep it in the database.
    """
    in_database = []
    _, _, usable = connection.rows(bookkeeping.STANDING)[0]
    if usable:
        in_database = [_record(row) for row in connection.rows(bookkeeping.RUNS)]
    connection.rollback()
    paths = [*(state_dir / "runs").glob("*.ledger.ndjson")]
    here = identity_of(connection) if paths else None
    found = (_read_run(connection, path, here) for path in paths)
    in_files = [record for record in found if record]
    return sorted(in_database + in_files, key=lambda run: run.run_id, reverse=True)


def find_point(
    connection: Connection, state_dir: Path, run: RunRecord, /
) -> ResumePoint:
    """Return where a run goes on."""
    path = state_dir / "runs" / f"{run.run_id}.ledger.ndjson"
    ledger = (
        FileLedger(path.parent, run) if path.exists() else DatabaseLedger(run.run_id)
    )
    entries = ledger.committed(connection)
    connection.rollback()
    return make_point(run, entries)


def make_point(run: RunRecord, entries: Iterable[Entry], /) -> ResumePoint:
    """Return where a run goes on, from what it committed.

    Each lane commits its batches in order, so what is complete is a beginning.
    """
    batches: dict[int, list[Entry]] = {}
    counts = Counts()
    for entry in entries:
        batches.setdefault(entry.batch, []).append(entry)
        counts += entry.counts
    point = ResumePoint(run, 0, 0, (), frozenset(), counts)
    lanes, batch, first_row = point.lanes, 0, 0
    while len(batches.get(batch, ())) == lanes:
        first_row = batches[batch][0].through_row
        batch += 1
    rest = {number: found for number, found in batches.items() if number >= batch}
    ends = tuple(rest[number][0].through_row for number in sorted(rest))
    committed = {(e.batch, e.lane) for found in rest.values() for e in found}
    return ResumePoint(run, batch, first_row, ends, frozenset(committed), counts)


def _record(row: tuple[str, ...]) -> RunRecord:
    run_id, source, fingerprint, target, mode, settings, status = row
    return RunRecord(run_id, source, target, mode, fingerprint, settings, status)


def _read_run(connection: Connection, path: Path, here: str | None) -> RunRecord | None:
    """Return the run of a file, or None where it went into another database."""
    record, status, ending = None, "running", None
    names = {one.name for one in fields(RunRecord)}
    for found in read_lines(path):
        if here is not None and found.get("database") not in (None, here):
            return None
        if "run" in found:
            record = RunRecord(**{n: v for n, v in found["run"].items() if n in names})
        if "status" in found:
            status, ending = found["status"], None
        ending = found.get("ending", ending)
    if ending is not None and _is_certain(connection, ending[0]):
        status = ending[1]
    return replace(record, status=status) if record else None


def _is_certain(connection: Connection, number: str) -> bool:
    """Whether the end is committed that a killed process did not live to note."""
    try:
        return was_committed(connection, number)
    except WriteError as error:
        log.debug(
            "whether transaction %s was committed is not known: %s", number, error
        )
        return False
