"""A journal's folder: its notes, its lock, and its end."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from propload.journal import records
from propload.private_files import lock_file

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = "about.json"
#: Stands in a journal whose source was read to its end.
WHOLE = "whole"
LOCK = "lock"
_NOTES = (ABOUT, WHOLE, LOCK)


def lock_folder(folder: Path) -> int:
    """Return a file descriptor that holds a journal's lock while it is open.

    Raises:
        BlockingIOError: Another process holds it.
        FileNotFoundError: There is no such folder, or no longer.
    """
    return lock_file(folder / LOCK, wait=False)


def remove_folder(folder: Path) -> None:
    """Remove a journal's folder; what is not a journal's file stays."""
    for path in [*records.segments(folder), *(folder / n for n in _NOTES)]:
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of some bytes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
