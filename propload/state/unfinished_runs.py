"""Markers of unfinished runs: a file for each, locked while the run is running.

A killed run leaves no report, nor does one whose disk is full. Its marker remains then,
but is no longer locked.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from propload.messages.suggested_commands import Commands
from propload.private_files import is_locked, lock_private, unlock
from propload.report import Plain, TargetName
from propload.state.run_files import RunFiles, delete, written_before

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from propload.target import TableName

log = logging.getLogger(__name__)

#: How the rest of a killed run is loaded: its command is resumed (`--resume`), its
#: source is loaded again, its journal is recovered, or rejected rows are replayed.
RecoveryMethod = Literal["resume", "again", "recover", "replay"]


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A run that began and has not ended.

    Attributes:
        run_id: The run.
        source: What it reads.
        target: The table that it writes.
        began: When it began or was resumed.
        pid: The id of its process.
        way: How to load its rest if it is killed.
        replayed: The run whose rejected rows it loads; empty if it loads other rows.
        status: Whether it is running, or its process was killed.
        entered: Whether a ledger has recorded it, so that rows may be stored.
    """

    run_id: str
    source: str
    target: TargetName
    began: datetime
    pid: int
    way: RecoveryMethod = "resume"
    replayed: str = ""
    status: Literal["running", "killed"] = "running"
    entered: bool = False

    def as_dict(self) -> dict[str, Plain]:
        """Return it as plain values, with the names that reports use."""
        values = {"run_id": self.run_id, "status": self.status, **asdict(self)}
        del values["entered"]
        return {**values, "began": self.began.isoformat()}


@dataclass(slots=True)
class RunMarker:
    """The marker of a run that is running.

    Attributes:
        path: Its file.
        run: The run.
        descriptor: The open file; None if it could not be created.
        stays: Whether to keep it when the run ends, as nothing else tells of the run.
    """

    path: Path
    run: UnfinishedRun
    descriptor: int | None = None
    stays: bool = False

    def note_entered(self) -> None:
        """Note that a ledger has recorded the run.

        Errors are ignored: without the note, nobody notices if the ledger loses the run
        later.
        """
        if self.descriptor is not None:
            with suppress(OSError):
                _write(self.descriptor, replace(self.run, entered=True))

    def forget(self) -> None:
        """Remove the file, unless it is to stay; errors are ignored."""
        if not self.stays:
            with suppress(OSError):
                self.path.unlink()


@contextmanager
def mark_running(folder: Path, run: UnfinishedRun, /) -> Iterator[RunMarker]:
    """Keep a run's marker within the block, and return it; a killed process leaves it.

    If it cannot be written, a warning is logged, and the run continues without it.
    """
    path = _files(folder).path(run.run_id)
    marker = RunMarker(path, run)
    with ExitStack() as stack:
        try:
            marker.descriptor = descriptor = lock_private(path)
            stack.callback(unlock, descriptor)
            stack.callback(marker.forget)
            os.ftruncate(descriptor, 0)
            _write(descriptor, run)
        except OSError as error:
            log.warning("the beginning of the run was not noted in %s: %s", path, error)
        yield marker


class UnfinishedRunStore:
    """The runs that began and have not ended.

    Args:
        folder: The folder of reports.
    """

    def __init__(self, folder: Path) -> None:
        self._files = _files(folder)

    def newest(self, *, table: TableName | None = None) -> list[UnfinishedRun]:
        """Return the runs, newest first.

        Args:
            table: The table of the runs, or None for all tables.
        """
        runs = map(_read, self._files.all())
        return [run for run in runs if run is not None and _is_for_table(run, table)]

    def forget(self, run_id: str, /) -> None:
        """Remove the marker of a killed run that has nothing left to continue."""
        run = _read(self._files.path(run_id))
        if run is not None and run.status == "killed":
            delete(self._files.path(run_id))

    def forget_replays(self, run_id: str, /) -> None:
        """Remove the markers of a run's killed replays, as no row is left to replay."""
        for run in self.newest():
            if run.replayed == run_id:
                self.forget(run.run_id)

    def drop(self, before: datetime, /, *, table: TableName | None = None) -> int:
        """Remove markers of killed runs that began before a moment; return how many.

        Args:
            before: The moment.
            table: The table of the runs, or None for all tables.
        """
        dropped = 0
        for path in written_before(before, self._files.all()):
            run = _read(path)
            if run is not None and run.status == "killed" and _is_for_table(run, table):
                dropped += delete(path)
        return dropped


def _write(descriptor: int, run: UnfinishedRun) -> None:
    """Overwrite a marker in one call, so that a reader sees the old text or the new."""
    values = {**run.as_dict(), "entered": run.entered}
    # pads `true` to the length of `false`
    blank = " " if run.entered else ""
    os.pwrite(descriptor, f"{json.dumps(values)}{blank}".encode(), 0)


def _files(folder: Path) -> RunFiles:
    return RunFiles(folder, ".begun", "such run", Commands.list_runs)


def _is_for_table(run: UnfinishedRun, table: TableName | None) -> bool:
    return table is None or run.target.table == str(table)


def _read(path: Path) -> UnfinishedRun | None:
    """Return the run of a marker, or None if it is just ending or was never written."""
    try:
        is_held = is_locked(path)
        values = json.loads(path.read_bytes())
        return UnfinishedRun(
            run_id=values["run_id"],
            source=values["source"],
            target=TargetName(**values["target"]),
            began=datetime.fromisoformat(values["began"]),
            pid=values["pid"],
            way=values["way"],
            replayed=values["replayed"],
            status="running" if is_held else "killed",
            # missing in files of older versions
            entered=values.get("entered", False),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.debug("%s is not the record of a run: %s", path, error)
        return None
