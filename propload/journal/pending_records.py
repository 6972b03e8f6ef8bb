"""Records that wait in a live journal: keeps their order, and reads them back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from propload.config import commands_for
from propload.errors import JournalError
from propload.journal import records

if TYPE_CHECKING:
    from pathlib import Path

    from propload.journal.records import Record


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """One record in memory, or adjacent ones on disk, that the loader has not taken.

    Attributes:
        record: The record in memory, or None if the records are only on disk.
        path: The file that holds them.
        offset: Where the first begins in the file, in bytes.
        size: The bytes of all of them.
        through_row: The row number of the run after their last row.
    """

    record: Record | None
    path: Path
    offset: int
    size: int
    through_row: int

    @property
    def end(self) -> int:
        """Where they end in their file, in bytes."""
        return self.offset + self.size

    def with_next(self, following: PendingRecord, /) -> PendingRecord | None:
        """Return both as one, or None unless both are only on disk and in one file."""
        if self.record or following.record or self.path != following.path:
            return None
        size, through = self.size + following.size, following.through_row
        return replace(self, size=size, through_row=through)


class PendingRecords:
    """The records of a journal that the loader has not taken yet, oldest first.

    The journal's next row and its size are derived from the newest record, so that a
    record is added in a single step, which an interrupt cannot split. Adjacent records
    that are only on disk are kept as one: in a long outage, a gigabyte of single rows
    would be millions.
    """

    def __init__(self) -> None:
        self._waiting: deque[PendingRecord] = deque()
        self._last_taken: PendingRecord | None = None

    @property
    def oldest(self) -> PendingRecord | None:
        """The record that the loader takes next."""
        return self._waiting[0] if self._waiting else None

    @property
    def newest(self) -> PendingRecord | None:
        """The record that was added last, even if the loader has taken it."""
        return self._waiting[-1] if self._waiting else self._last_taken

    @property
    def next_row(self) -> int:
        """The row number of the run after the last row."""
        newest = self.newest
        return newest.through_row if newest else 0

    def add(self, record: PendingRecord, /) -> None:
        """Add a record, in one step."""
        merged = self._waiting[-1].with_next(record) if self._waiting else None
        if merged is None:
            self._waiting.append(record)
        else:
            self._waiting[-1] = merged

    def remove_oldest(self, end: int | None = None, /) -> None:
        """Note that the loader has taken the oldest record.

        Args:
            end: Where it ends in its file; None if it was in memory.
        """
        oldest = self._waiting[0]
        if end is not None and end < oldest.end:
            rest = replace(oldest, offset=end, size=oldest.end - end)
            self._waiting[0] = rest
            return
        # without its rows, to free their memory
        self._last_taken = replace(oldest, record=None)
        self._waiting.popleft()

    def __len__(self) -> int:
        """Return how many entries are kept."""
        return len(self._waiting)

    def forget_file(self, path: Path, /) -> None:
        """Note that a file is removed; another may get its name if it held no rows."""
        if self._last_taken is not None and self._last_taken.path == path:
            self._last_taken = replace(self._last_taken, offset=0, size=0)


class RecordReader:
    """Reads records one after the other; keeps the last file open."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def read(self, pending: PendingRecord) -> tuple[Record, int]:
        """Return the next record that waits, and where it ends in its file.

        Raises:
            JournalError: It cannot be read: the files were changed from outside.
        """
        try:
            return self._read_at(pending)
        except (OSError, JournalError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            folder = pending.path.parent
            recover = commands_for(folder.parent.parent).recover(folder.name)
            msg = (
                f"the journal {pending.path} cannot be read from byte "
                f"{pending.offset} on ({why}): another program changed it, or its disk "
                f"is failing. Load what comes before it with {recover}, and the "
                "rest from its source again"
            )
            raise JournalError(msg) from error

    def _read_at(self, pending: PendingRecord) -> tuple[Record, int]:
        if self._path != pending.path or self._file is None:
            self.close()
            self._path, self._file = pending.path, pending.path.open("rb")
        self._file.seek(pending.offset)
        record = records.read(self._file)
        if record is None:
            msg = "the file ends there"
            raise JournalError(msg)
        return record, self._file.tell()

    def close(self) -> None:
        """Close the open file, if any."""
        if self._file is not None:
            self._file.close()
            self._file = None
