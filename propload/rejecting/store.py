"""The files of refused rows: which runs left some, and what is in them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import ConfigError
from propload.private_files import open_private
from propload.rejecting.lines import each_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from propload.rejecting.lines import Line


@dataclass(frozen=True, slots=True)
class RejectRun:
    """The refused rows of one run, as the list of runs shows them.

    Attributes:
        run_id: The run's name.
        path: Its file.
        rows: How many rows it holds.
        source: The source of the first row.
        time: When the first row was refused, ISO 8601.
        reason: The first row's first message.
    """

    run_id: str
    path: Path
    rows: int
    source: str
    time: str
    reason: str


class RejectStore:
    """The refused rows of all runs.

    Args:
        folder: The folder of their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, run_id: str) -> Path:
        """Return the file of a run, whether it exists or not."""
        return self._folder / f"{run_id}.ndjson"

    def runs(self) -> list[RejectRun]:
        """Return the runs that have refused rows, newest first."""
        paths = sorted(self._folder.glob("*.ndjson"), reverse=True)
        return [run for path in paths if (run := _summary(path)) is not None]

    def read(self, run_id: str = "") -> pl.DataFrame:
        """Return a run's refused rows: columns `REJECT_COLUMNS`, one line a row.

        Args:
            run_id: The run, or its beginning; empty for the newest.

        Raises:
            ConfigError: No such run has refused rows.
        """
        return read_lines(self.find(run_id))

    def find(self, run_id: str = "") -> Path:
        """Return the file of the run whose name begins so; empty is the newest.

        Raises:
            ConfigError: There is none, or more than one.
        """
        paths = sorted(self._folder.glob("*.ndjson"))
        if not run_id and paths:
            return paths[-1]
        found = [path for path in paths if path.stem.startswith(run_id) and run_id]
        exact = [path for path in found if path.stem == run_id]
        if len(found) == 1 or exact:
            return (exact or found)[0]
        what = f"run {run_id!r}" if run_id else "any run"
        how_many = f"{len(found)} runs begin so" if found else "no refused rows"
        msg = f"{what}: {how_many}. See: propload rejects list"
        raise ConfigError(msg)

    def drop(self, run_id: str) -> Path:
        """Delete a run's refused rows; return the file that was deleted."""
        path = self.find(run_id)
        path.unlink()
        return path

    def keep(self, run_id: str, is_kept: Callable[[Line], bool], /) -> None:
        """Keep some lines as they stand; a file without any is removed.

        Args:
            run_id: The run.
            is_kept: Tells of a line whether it stays.
        """
        path = self.path(run_id)
        if not path.exists():
            return
        aside = path.with_suffix(".tmp")
        with open_private(aside, "wb") as file:
            file.writelines(text for text, line in each_line(path) if is_kept(line))
            file.flush()
            os.fsync(file.fileno())
            is_empty = not file.tell()
        aside.replace(path)
        if is_empty:
            path.unlink()


def _summary(path: Path) -> RejectRun | None:
    lines = each_line(path)
    first = next(lines, None)
    if first is None:
        return None
    rows = 1 + sum(1 for _ in lines)
    told = first[1]
    return RejectRun(
        path.stem,
        path,
        rows,
        told["source"],
        told["time"],
        told["reasons"][0]["message"],
    )
