"""The files of a live journal: rows go to the last; committed files are removed."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from propload.errors import JournalError
from propload.journal import records
from propload.journal.folders import write_all
from propload.private_files import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from propload.journal.pending_records import PendingRecord
    from propload.options import JournalSync

#: A new file is begun after this many bytes, as committed rows are removed by file.
SEGMENT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """How a journal is kept.

    Attributes:
        sync: When rows are flushed to the disk. always: before `append` returns, so a
            power cut loses nothing; second: a power cut loses at most the last second;
            off: it loses what the system had not written yet. A killed process loses
            nothing in any of them.
        max_bytes: The most bytes on disk before a producer waits.
    """

    sync: JournalSync
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of a journal.

    Attributes:
        first_row: The number of its first row within the run.
        path: The file.
        size: Its bytes.
    """

    first_row: int
    path: Path
    size: int = 0


class Segments:
    """The files of a live journal; not thread-safe: the journal holds a lock.

    Args:
        folder: The journal's folder.
        sync: When rows are flushed to the disk.
    """

    def __init__(self, folder: Path, sync: JournalSync) -> None:
        self._folder = folder
        self._sync = sync
        self._files: deque[Segment] = deque()
        self._open: int | None = None

    @property
    def nbytes(self) -> int:
        """The bytes on disk."""
        return sum(one.size for one in self._files)

    @property
    def oldest(self) -> Segment | None:
        """The file with the oldest rows, or None if there is no file."""
        return self._files[0] if self._files else None

    def ends_below(self, row: int, /, *, next_row: int) -> bool:
        """Return whether all rows of the oldest file are below a row number."""
        following = self._files[1].first_row if len(self._files) > 1 else next_row
        return following <= row

    def add(self, data: bytes, first_row: int, /) -> Segment:
        """Add a record; return its file as it was before.

        Raises:
            JournalError: The record cannot be written. It was not taken, and what was
                written of it was cut off again if possible.
        """
        if self._open is None or self._files[-1].size >= SEGMENT_BYTES:
            self._begin(first_row)
        assert self._open is not None  # noqa: S101 - begun above
        before = self._files[-1]
        self._cut_torn_end(self._open, before)
        try:
            write_all(self._open, data)
            if self._sync == "always":
                os.fdatasync(self._open)
        except OSError as error:
            raise self._write_error(self._open, before, error) from error
        except BaseException:
            # an interrupt; if cutting off fails now, the next `add` does it
            with contextlib.suppress(OSError):
                os.ftruncate(self._open, before.size)
            raise
        self._files[-1] = replace(before, size=before.size + len(data))
        return before

    def truncate_after(self, newest: PendingRecord | None, /) -> None:
        """Cut off whatever follows the record that was taken last."""
        if not self._files:
            return
        last = self._files[-1]
        end = newest.end if newest and newest.path == last.path else 0
        if last.size == end:
            return
        self._files[-1] = replace(last, size=end)
        if self._open is not None:
            # if cutting off fails now, the next `add` does it
            with contextlib.suppress(OSError):
                os.ftruncate(self._open, end)

    def _cut_torn_end(self, file: int, last: Segment) -> None:
        """Cut off what an interrupt left after the records that were taken.

        Raises:
            JournalError: It cannot be cut off.
        """
        try:
            if os.fstat(file).st_size > last.size:
                os.ftruncate(file, last.size)
        except OSError as error:
            msg = (
                f"the journal {last.path} holds a part of rows that were not taken, "
                f"which cannot be cut off: {error.strerror}. What was taken before is "
                "loaded; nothing more is taken until it can be"
            )
            raise JournalError(msg) from error

    def _write_error(self, file: int, last: Segment, error: OSError) -> JournalError:
        """Cut off what was written of a record, and return the error."""
        msg = f"the journal {last.path} cannot be written: {error.strerror}. "
        try:
            os.ftruncate(file, last.size)
        except OSError as truncate_error:
            return JournalError(
                f"{msg}What was written of these rows cannot be cut off "
                f"({truncate_error.strerror}): a recovery may load them, and nothing "
                "more is taken until it can be. What was taken before is safe"
            )
        return JournalError(
            f"{msg}What was taken before is safe: make room, then continue"
        )

    def remove_oldest(self) -> None:
        """Remove the file with the oldest rows, which are committed."""
        if len(self._files) == 1:
            # a file that is removed need not be flushed
            self.end(sync=False)
        # if it cannot be removed, the ledger still knows that its rows are committed
        with contextlib.suppress(OSError):
            self._files.popleft().path.unlink()

    def duplicate(self) -> int | None:
        """Return a duplicate descriptor of the file being written, or None."""
        return None if self._open is None else os.dup(self._open)

    def end(self, *, sync: bool = True) -> None:
        """Flush and close the last file.

        Raises:
            JournalError: What was added last cannot be written to disk.
        """
        if self._open is None:
            return
        file, self._open = self._open, None
        try:
            if sync and self._sync != "off":
                os.fdatasync(file)
        except OSError as error:
            raise unwritable_error(self._folder, error) from error
        finally:
            os.close(file)

    def _begin(self, first_row: int) -> None:
        self.end()
        path = self._folder / records.segment_name(first_row)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            file = os.open(path, flags, 0o600)
            with contextlib.ExitStack() as undo:
                undo.callback(os.close, file)
                self.sync_entries(self._folder)
                undo.pop_all()
        except OSError as error:
            msg = f"the journal {path} cannot be created: {error.strerror}"
            raise JournalError(msg) from error
        # an earlier interrupt may have come between these two lines
        if not self._files or self._files[-1].path != path:
            self._files.append(Segment(first_row, path))
        self._open = file

    def sync_entries(self, folder: Path) -> None:
        """Flush a folder's directory entries to disk, unless sync is off."""
        if self._sync != "off":
            sync_folder(folder)


def unwritable_error(folder: Path, error: OSError, /) -> JournalError:
    """Return the error for a disk that could not flush rows already taken."""
    return JournalError(
        f"the journal {folder} cannot be written: {error.strerror}. What was taken is "
        "loaded; nothing more is taken"
    )
