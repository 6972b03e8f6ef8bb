"""A journal's folder: its notes, its lock, and its end."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from propload.journal import records
from propload.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = "about.json"
#: Stands in a journal whose source was read to its end.
WHOLE = "whole"
#: Holds the run's row number below which all is committed, as far as was noted.
COMMITTED = "committed"
#: Stands in a journal whose run has begun in a ledger.
ENTERED = "entered"
LOCK = "lock"
_NOTES = (ABOUT, WHOLE, COMMITTED, ENTERED, LOCK)
#: Digits of a row number: one is written over another.
_DIGITS = 20


def note_committed(folder: Path, row: int) -> None:
    """Note the row number below which all is committed; for people, so without care.

    Which rows are committed the ledger knows. A note that is lost or late tells of more
    rows than wait, never of less.
    """
    with contextlib.suppress(OSError):
        file = os.open(folder / COMMITTED, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, f"{row:0{_DIGITS}}".encode(), 0)
        finally:
            os.close(file)


def note_entered(folder: Path) -> None:
    """Note that a ledger holds the run: from then on it alone knows what is stored.

    Where the disk refuses it, a ledger that is lost later is not missed.
    """
    with contextlib.suppress(OSError):
        write_private(folder / ENTERED, b"")


def read_committed(folder: Path) -> int:
    """Return what was noted last, or 0."""
    try:
        return int((folder / COMMITTED).read_text())
    except (OSError, ValueError):
        return 0


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
