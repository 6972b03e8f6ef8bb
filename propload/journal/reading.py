"""Records of a live journal, read back from disk by a loader that fell behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from propload.errors import JournalError
from propload.journal import records

if TYPE_CHECKING:
    from pathlib import Path

    from propload.journal.records import Record


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that the loader has not taken yet: in memory, else on disk."""

    record: Record | None
    path: Path
    offset: int
    size: int


class Reader:
    """Reads records one after the other; it keeps the last file open."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def read(self, entry: Entry) -> Record:
        """Return the record of an entry.

        Raises:
            JournalError: It is not there: the files were changed from outside.
        """
        if self._path != entry.path or self._file is None:
            self.close()
            self._path, self._file = entry.path, entry.path.open("rb")
        self._file.seek(entry.offset)
        record = records.read(self._file)
        if record is None:
            msg = f"the journal {entry.path} was cut at byte {entry.offset}"
            raise JournalError(msg)
        return record

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
            self._file = None
