"""Journals that killed runs have left, as sources that can be read again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from propload.batch import Batch
from propload.config import commands_for
from propload.errors import JournalError
from propload.journal import records
from propload.journal.folders import (
    ABOUT,
    ENTERED,
    LOCK,
    WHOLE,
    note_committed,
    read_committed,
    remove_folder,
)
from propload.journal.records import Survey, TornTail
from propload.private_files import is_locked, lock_file, unlock
from propload.report import Plain

log = logging.getLogger(__name__)

#: A journal of at most this many bytes is read in order to show its number of rows.
SHOWN_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, repr=False)
class Leftover:
    """A journal that no running process holds.

    Attributes:
        run_id: The run that wrote it.
        folder: Its folder.
        about: What the run noted about itself.
    """

    run_id: str
    folder: Path
    about: Mapping[str, Plain]

    @property
    def database(self) -> str:
        """The label of the database that its run wrote into."""
        return str(self.about.get("database", ""))

    @property
    def identity(self) -> str | None:
        """The identity of that database, which no address changes, or None."""
        identity = self.about.get("identity")
        return None if identity is None else str(identity)

    @property
    def is_replace(self) -> bool:
        """Whether its run was a replace."""
        settings = self.about.get("settings")
        return isinstance(settings, dict) and settings.get("mode") == "replace"

    @property
    def rows(self) -> int:
        """The most rows that are left; the ledger may know some of them as committed.

        Of a replace, all rows count as left until it takes effect. This reads the
        journal, which takes a second for each GB.
        """
        return self.measure()[0]

    def measure(self) -> tuple[int, int]:
        """Return `rows`, and the bytes of damaged rows, which are not among them.

        They are from a damaged record on that others follow. The journal is read once.
        """
        survey = self._survey()
        committed = read_committed(self.folder)
        if self.is_replace:
            rows = max(survey.through_row, committed)
        else:
            rows = max(0, survey.through_row - max(survey.first_row, committed))
        return rows, survey.damaged_bytes

    @property
    def torn_bytes(self) -> int:
        """Bytes at the end that are not a complete record; never acknowledged."""
        return self._survey().torn_bytes

    @property
    def is_entered(self) -> bool:
        """Whether a ledger recorded the run, which may have rows in the database."""
        return (self.folder / ENTERED).exists()

    @property
    def whole(self) -> bool:
        """Whether the journal holds all rows of its source."""
        if not (self.folder / WHOLE).exists():
            return False
        survey = self._survey()
        # a torn tail would be missing
        return not survey.torn_bytes and not survey.damaged_bytes

    def __repr__(self) -> str:
        values = {"run_id": self.run_id, **self._size()}
        values |= {n: self.about.get(n, "") for n in ("table", "database", "source")}
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"{type(self).__name__}({shown})"

    def _size(self) -> dict[str, int]:
        """Return the number of rows, or of bytes if reading them would take long."""
        try:
            size = sum(
                segment.stat().st_size for segment in records.segments(self.folder)
            )
            rows = self.rows if size <= SHOWN_BYTES else None
        except OSError:
            # another process is recovering it, or the disk cannot be read
            return {}
        return {"bytes": size} if rows is None else {"rows": rows}

    def _survey(self) -> Survey:
        try:
            return records.survey(self.folder)
        except FileNotFoundError:
            # another process has recovered it since it was found
            return Survey(0, 0, 0, 0)


def find_leftovers(folder: Path) -> list[Leftover]:
    """Return the journals below a folder that no running process holds, oldest first.

    Args:
        folder: The folder of all journals.
    """
    leftovers = []
    for journal in sorted(path for path in folder.glob("*") if (path / ABOUT).exists()):
        try:
            if not is_in_use(journal):
                about = json.loads((journal / ABOUT).read_text())
                leftovers.append(Leftover(journal.name, journal, about))
        except FileNotFoundError:
            # its run has just ended and removed it
            continue
        except ValueError as error:
            # killed between creating the file and writing it, before any row
            log.log(
                logging.WARNING if records.segments(journal) else logging.DEBUG,
                "the notes of the journal %s cannot be read, so it is left alone: %s",
                journal,
                error,
            )
    return leftovers


def is_in_use(folder: Path) -> bool:
    """Return whether a process has locked a journal, to write or to recover it.

    Several processes may ask at the same time.
    """
    try:
        return is_locked(folder / LOCK)
    except FileNotFoundError:
        return False


@dataclass(slots=True)
class JournalSource:
    """A leftover journal as a source; it holds the journal's lock while open.

    Attributes:
        folder: The journal's folder.
        name: Its name in messages.
        rereadable: It can be read again.
    """

    folder: Path
    name: str = "journal"
    rereadable: bool = True
    _lock: int | None = None

    @property
    def first_row(self) -> int:
        """The number, within its run, of the first row that is still there."""
        for record in records.read_segments(self.folder, TornTail()):
            return record.first_row
        return 0

    @property
    def is_there(self) -> bool:
        """Whether the journal exists, and is not being removed."""
        return (self.folder / ABOUT).exists()

    def open(self) -> None:
        """Take the journal's lock.

        Raises:
            BlockingIOError: Another process holds it.
            FileNotFoundError: The folder does not exist, or no longer.
        """
        if self._lock is None:
            self._lock = lock_file(self.folder / LOCK)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches.

        Raises:
            JournalError: A record or file is damaged that others follow.
        """
        torn = TornTail()
        for record in records.read_segments(self.folder, torn):
            yield record.batch
        if torn.damaged is not None:
            raise self._damage_error(torn.damaged)

    def _damage_error(self, file: Path) -> JournalError:
        commands = commands_for(self.folder.parent.parent)
        return JournalError(
            f"the journal's file {file} is damaged, and rows follow that were "
            "acknowledged: restore it from a copy, or discard them "
            f"({commands.drop_journal(self.folder.name)})"
        )

    def note_committed(self, below: int) -> None:
        """Note the row number of the run below which all rows are committed."""
        note_committed(self.folder, below)

    @property
    def is_entered(self) -> bool:
        """Whether a ledger recorded the run, which may have rows in the table."""
        return (self.folder / ENTERED).exists() or self.first_row > 0

    def fingerprint(self) -> str | None:
        """Return None: a journal's rows are known by their numbers."""
        return None

    def close(self, *, loaded: bool) -> None:
        """Release the lock; remove the journal if all of it is loaded.

        Raises:
            OSError: The folder cannot be removed.
        """
        try:
            if loaded:
                remove_folder(self.folder)
        finally:
            if self._lock is not None:
                unlock(self._lock)
                self._lock = None
