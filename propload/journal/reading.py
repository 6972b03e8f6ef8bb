"""Records that wait in a live journal: their order, and how they are read back."""

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
    """A record that the loader has not taken yet: in memory, else on disk."""

    record: Record | None
    path: Path
    offset: int
    size: int
    through_row: int

    @property
    def end(self) -> int:
        """Where it ends in its file."""
        return self.offset + self.size


class PendingRecords:
    """The records of a journal that the loader has not taken yet, oldest first.

    What else is known of a journal's end (its next row, its bytes) follows from the
    newest record: one step adds a record, so that an interrupt comes before or after.
    """

    def __init__(self) -> None:
        self._waiting: deque[PendingRecord] = deque()
        self._gone: PendingRecord | None = None

    @property
    def oldest(self) -> PendingRecord | None:
        """The record that the loader takes next."""
        return self._waiting[0] if self._waiting else None

    @property
    def newest(self) -> PendingRecord | None:
        """The record that was added last, be it taken by the loader or not."""
        return self._waiting[-1] if self._waiting else self._gone

    @property
    def next_row(self) -> int:
        """The run's number after the last row."""
        newest = self.newest
        return newest.through_row if newest else 0

    def add(self, record: PendingRecord, /) -> None:
        """Add a record, in one step."""
        self._waiting.append(record)

    def remove_oldest(self) -> None:
        """Note that the loader has taken the oldest."""
        # its rows are not held any longer
        self._gone = replace(self._waiting[0], record=None)
        self._waiting.popleft()

    def forget_file(self, path: Path, /) -> None:
        """Note that a file goes: after a record without rows the next has its name."""
        if self._gone is not None and self._gone.path == path:
            self._gone = replace(self._gone, offset=0, size=0)


class RecordReader:
    """Reads records one after the other; it keeps the last file open."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def read(self, pending: PendingRecord) -> Record:
        """Return a record that waits.

        Raises:
            JournalError: It is not there: the files were changed from outside.
        """
        try:
            return self._find(pending)
        except (OSError, JournalError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            folder = pending.path.parent
            recover = commands_for(folder.parent.parent).recover(folder.name)
            msg = (
                f"the journal {pending.path} cannot be read from byte "
                f"{pending.offset} on ({why}): it was changed from outside, or its "
                f"disk fails. Load what comes before it with {recover}, and the "
                "rest from its source again"
            )
            raise JournalError(msg) from error

    def _find(self, pending: PendingRecord) -> Record:
        if self._path != pending.path or self._file is None:
            self.close()
            self._path, self._file = pending.path, pending.path.open("rb")
        self._file.seek(pending.offset)
        record = records.read(self._file)
        if record is None:
            msg = "the file ends there"
            raise JournalError(msg)
        return record

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
            self._file = None
