"""The files of rejected rows of all runs: finds, locks, copies and deletes them."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from propload.errors import ConfigError, LockedError
from propload.messages.suggested_commands import Commands
from propload.private_files import lock_private, open_private, sync_folder, unlock
from propload.rejecting.lines import count_lines, each_line
from propload.state.run_files import RunFiles, delete, written_before
from propload.state.state_folder import foreign_owner_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from propload.rejecting.lines import Line

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RejectRun:
    """A summary of the rejected rows of one run.

    Attributes:
        run_id: The run.
        path: The file.
        rows: How many rows it holds.
        source: The source of the first row.
        time: When the first row was rejected, in ISO 8601.
        reason: The first message of the first row.
    """

    run_id: str
    path: Path
    rows: int
    source: str
    time: str
    reason: str


class RejectStore:
    """The rejected rows of all runs.

    Args:
        folder: The folder of their files.

    Attributes:
        files: The files.
    """

    def __init__(self, folder: Path) -> None:
        self.files = RunFiles(folder, ".ndjson", "rejected rows", Commands.list_rejects)

    def runs(self, most: int = 0, /) -> list[RejectRun]:
        """Return the runs that have rejected rows, newest first.

        A file whose first line is broken, or that belongs to another user, is skipped
        with a warning.

        Args:
            most: The most runs to return, whose files are read; 0 for all.
        """
        summaries = map(_summary_or_none, self.files.all())
        runs = (run for run in summaries if run is not None)
        return list(islice(runs, most or None))

    def drop(self, run_id: str) -> None:
        """Delete a run's rejected rows.

        Raises:
            ConfigError: No such run has rejected rows.
            LockedError: The run is still running, or is being replayed.
        """
        path = self.files.find(run_id)
        with self.locked(path.stem):
            require_exists(path)
            path.unlink()
            _temporary_path(path).unlink(missing_ok=True)
            self.drop_copy(path.stem)

    def drop_old(self, before: datetime, /) -> int:
        """Delete rejected rows last written before a moment; return the number of runs.

        Rows of a run that is still running, and rows that are being replayed, are kept.
        """
        dropped = 0
        for path in written_before(before, self.files.all()):
            try:
                with self.locked(path.stem):
                    dropped += delete(path)
                    self.drop_copy(path.stem)
            except LockedError as error:
                log.info("%s", error)
        return dropped

    @contextmanager
    def locked(self, run_id: str, /) -> Iterator[None]:
        """Lock a run's rejected rows, so that nobody else adds or replays any.

        Raises:
            LockedError: The run is still running, or is being replayed.
        """
        descriptor = lock_rejects(self.files.path(run_id))
        try:
            yield
        finally:
            unlock_rejects(self.files.path(run_id), descriptor)

    def make_copy(self, run_id: str, /) -> None:
        """Copy a run's rejected rows as they are now, in case they are edited later.

        If the copy cannot be written, only a warning is logged.
        """
        copy = self.copy_path(run_id)
        try:
            with (
                self.files.path(run_id).open("rb") as rows,
                open_private(copy, "wb") as file,
            ):
                shutil.copyfileobj(rows, file)
        except OSError as error:
            log.warning("no copy of the rejected rows is kept in %s: %s", copy, error)
            self.drop_copy(run_id)

    def copy_path(self, run_id: str, /) -> Path:
        """Return the path of the copy of a run's rejected rows, which may not exist."""
        return self.files.path(run_id).with_suffix(".copy")

    def drop_copy(self, run_id: str, /) -> None:
        """Delete the copy of a run's rejected rows, if there is one."""
        self.copy_path(run_id).unlink(missing_ok=True)

    def keep(self, run_id: str, is_kept: Callable[[Line], bool], /) -> None:
        """Keep only some lines of a run, unchanged; remove the file if none is left.

        Args:
            run_id: The run.
            is_kept: Returns whether a line is kept.
        """
        path = self.files.path(run_id)
        if not path.exists():
            return
        temporary = _temporary_path(path)
        try:
            with open_private(temporary, "wb") as file:
                file.writelines(text for text, line in each_line(path) if is_kept(line))
                file.flush()
                os.fsync(file.fileno())
                is_empty = not file.tell()
            if is_empty:
                path.unlink()
                temporary.unlink()
            else:
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        # a row that is loaded by now must not reappear after a power cut
        sync_folder(path.parent)


def require_exists(path: Path, /) -> None:
    """Raise if another process has replayed or dropped a file since it was found.

    Raises:
        ConfigError: The file is gone.
    """
    if not path.exists():
        msg = (
            f"no rejected row of run {path.stem} is left: another process has replayed "
            "or dropped them meanwhile"
        )
        raise ConfigError(msg)


def lock_rejects(path: Path, /) -> int:
    """Lock a file of rejected rows; return the descriptor for `unlock_rejects`.

    Raises:
        LockedError: Its run is still running, or its rows are being replayed.
    """
    try:
        return lock_private(_lock_of(path))
    except BlockingIOError as error:
        msg = (
            f"run {path.stem} is still running, or its rejected rows are being "
            "replayed: try again when it has ended"
        )
        raise LockedError(msg) from error


def unlock_rejects(path: Path, descriptor: int, /) -> None:
    """Unlock a file of rejected rows."""
    # the lock file is gone already if the folder was removed
    with suppress(OSError):
        _lock_of(path).unlink()
    unlock(descriptor)


def _temporary_path(path: Path) -> Path:
    """Return the temporary file for lines that are kept; a killed process leaves it."""
    return path.with_suffix(".tmp")


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.stem}.lock")


def _summary_or_none(path: Path) -> RejectRun | None:
    try:
        return _summary(path)
    except FileNotFoundError:
        # another process has replayed or dropped it since it was listed
        return None
    except PermissionError as error:
        log.warning("%s", foreign_owner_message(path) or error)
        return None
    except ConfigError as error:
        log.warning("%s", error)
        return None


def _summary(path: Path) -> RejectRun | None:
    first = next(each_line(path), None)
    if first is None:
        return None
    rows = count_lines(path)
    line = first[1]
    return RejectRun(
        path.stem,
        path,
        rows,
        line["source"],
        line.get("time") or "",
        line["reasons"][0]["message"] if line["reasons"] else "",
    )
