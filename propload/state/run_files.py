"""Files that runs leave behind, one for each run, named after its id."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.config import commands_for
from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from propload.messages.suggested_commands import Commands


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one kind that runs have left.

    Attributes:
        folder: Their folder, within the state folder.
        ending: The ending of their names, such as `.json`.
        kind: What they hold, for messages, such as `rejected rows`.
        listing: Words the command that lists them.
    """

    folder: Path
    ending: str
    kind: str
    listing: Callable[[Commands], str]

    def path(self, run_id: str, /) -> Path:
        """Return the file of a run, whether it exists or not."""
        return self.folder / f"{run_id}{self.ending}"

    def names(self) -> list[str]:
        """Return the ids of the runs, newest first: a run id begins with its time."""
        try:
            # os.listdir makes no Path of each file: years of runs leave 100,000
            names = os.listdir(self.folder)  # noqa: PTH208 - see above
        except (FileNotFoundError, NotADirectoryError):
            return []
        matching = (name for name in names if name.endswith(self.ending))
        return sorted(
            (name.removesuffix(self.ending) for name in matching), reverse=True
        )

    def all(self) -> Iterator[Path]:
        """Return the files that exist now, newest first."""
        return map(self.path, self.names())

    def find(self, run_id: str = "", /) -> Path:
        """Return the file of the run with this id or prefix; if empty, the newest file.

        Raises:
            ConfigError: There is none, or more than one.
        """
        if run_id and is_file_of(self.folder, self.path(run_id)):
            return self.path(run_id)
        matches = [name for name in self.names() if name.startswith(run_id)]
        if not matches and not run_id:
            msg = f"no run has left any {self.kind}"
            raise ConfigError(msg)
        if not run_id or len(matches) == 1:
            return self.path(matches[0])
        ambiguity = f"the names of {len(matches)} runs begin with that"
        listing = self.listing(commands_for(self.folder.parent))
        problem = ambiguity if matches else f"no {self.kind}"
        msg = f"run {run_id!r}: {problem}. See: {listing}"
        raise ConfigError(msg)


def is_file_of(folder: Path, path: Path, /) -> bool:
    """Return whether a file exists directly in a folder; its name may be anything."""
    try:
        return path.parent == folder and path.exists()
    except OSError:
        # no file can have this name
        return False


def written_before(moment: datetime, paths: Iterable[Path], /) -> list[Path]:
    """Return the files that were last written before a moment and still exist."""
    latest = moment.timestamp()
    times = ((path, _written_at(path)) for path in paths)
    return [path for path, time in times if time is not None and time < latest]


def delete(path: Path, /) -> bool:
    """Delete a file; return False if it is gone, as another process may be faster."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _written_at(path: Path) -> float | None:
    """Return when a file was last written, or None if it is gone since it was listed.

    A run that ends in another process removes its marker.
    """
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
