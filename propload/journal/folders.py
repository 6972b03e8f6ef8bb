"""A journal's folder: its notes, its lock, and its removal."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from propload.journal import records
from propload.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = "about.json"
#: A file that exists if the source was read to its end.
WHOLE = "whole"
#: A file with the row number of the run below which all rows were committed.
COMMITTED = "committed"
#: A file that exists if a ledger knows the run.
ENTERED = "entered"
LOCK = "lock"
_NOTES = (ABOUT, WHOLE, COMMITTED, ENTERED, LOCK)
#: Digits of a row number, padded with zeros: each number overwrites the one before.
_DIGITS = 20


def note_committed(folder: Path, row: int) -> None:
    """Note the row number below which all rows are committed; errors are ignored.

    The number is only shown to users: the ledger knows which rows are committed. If a
    note is lost or late, too many rows are shown as waiting, never too few.
    """
    with contextlib.suppress(OSError):
        file = os.open(folder / COMMITTED, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, f"{row:0{_DIGITS}}".encode(), 0)
        finally:
            os.close(file)


def note_entered(folder: Path) -> None:
    """Note that a ledger knows the run, and alone knows which rows are stored.

    Errors are ignored: without the note, a recovery does not notice if the ledger loses
    the run later.
    """
    with contextlib.suppress(OSError):
        write_private(folder / ENTERED, b"")


def read_committed(folder: Path) -> int:
    """Return the row number that was noted last, or 0."""
    try:
        return int((folder / COMMITTED).read_text())
    except (OSError, ValueError):
        return 0


def remove_folder(folder: Path) -> None:
    """Remove a journal's files, and its folder unless it holds other files."""
    for path in [*records.segments(folder), *(folder / n for n in _NOTES)]:
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
