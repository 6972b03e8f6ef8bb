"""The live journal: a queue on disk between a producer and the loader."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from typing import TYPE_CHECKING

from propload.errors import JournalError, PropLoadError, QueueClosedError
from propload.journal.folders import ABOUT, LOCK, WHOLE, note_committed, remove_folder
from propload.journal.pending_records import PendingRecord, PendingRecords, RecordReader
from propload.journal.records import Encoded
from propload.journal.segments import JournalOptions, Segments, unwritable
from propload.private_files import (
    lock_file,
    make_private_folder,
    unlock,
    write_private,
)
from propload.process.threads import start_thread
from propload.queueing import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from propload.batch import Batch
    from propload.journal.records import Record
    from propload.report import Plain

#: Records kept in memory as well, so that a loader that keeps up reads no disk.
RECENT_BYTES = 8 << 20
#: With `second`, written records reach the disk at least this often, in seconds.
SYNC_SECONDS = 1.0


class Journal:
    """A journal that is being written and followed.

    Args:
        folder: Its folder, made here; one run, one folder.
        options: How it is kept.
        about: What a recovery needs to know of the run; no secrets.
        takes_effect_late: Whether what is committed is in the table only when the run
            is loaded (a replace), so that the journal stays until then.

    Raises:
        JournalError: The disk refuses its folder.
    """

    def __init__(
        self,
        folder: Path,
        options: JournalOptions,
        about: Mapping[str, Plain],
        *,
        takes_effect_late: bool = False,
    ) -> None:
        self.folder = folder
        self._options = options
        self.about = about
        self.takes_effect_late = takes_effect_late
        self._changed = threading.Condition()
        #: It passes what was taken where the disk refused rows that are loaded anyway.
        self._committed_row = 0
        self._segments = Segments(folder, options.sync)
        self._pending = PendingRecords()
        self._recent_bytes = 0
        self._full = False
        #: Producers that wait for room and give their batch once.
        self._insisting = 0
        self._closed = False
        self._ended = False
        #: Whether the loader takes no more.
        self._left = False
        self._error: BaseException | None = None
        #: What the disk said of rows that were taken before.
        self._refusal: JournalError | None = None
        self._room: Listeners[[]] = Listeners()
        self._unsynced_since: float | None = None
        self._syncer = threading.Thread(
            target=self._sync_each_second, name="propload-journal-sync", daemon=True
        )
        self._lock_file: int | None = None
        try:
            self._make(about)
        except OSError as error:
            msg = f"the journal {folder} cannot be created: {error.strerror}"
            raise JournalError(msg) from error

    def _make(self, about: Mapping[str, Plain]) -> None:
        make_private_folder(self.folder.parent)
        self.folder.mkdir(mode=0o700)
        try:
            self._segments.sync_names(self.folder.parent)
            self._lock_file = lock_file(self.folder / LOCK)
            write_private(self.folder / ABOUT, json.dumps(about).encode())
            if self._options.sync == "second":
                start_thread(self._syncer)
        except (OSError, PropLoadError):
            # nobody takes up a folder without its notes
            remove_folder(self.folder)
            self._let_go()
            raise

    # ---- the producer's side ----

    def append(
        self, batch: Batch, *, timeout: float | None = None, once: bool = False
    ) -> None:
        """Put a batch on disk, waiting for room.

        Args:
            batch: The batch.
            timeout: Seconds to wait; None waits as long as it takes.
            once: Nobody can give it again: after `finish` or `fail` it is taken
                without room, until the journal is closed.

        Raises:
            TimeoutError: There was no room in time; the batch was not taken.
            JournalError: The disk refuses; the batch was not taken.
            QueueClosedError: The journal is closed.
        """
        encoded = Encoded(batch, self.rows)

        def fits() -> bool:
            # another producer may come first while this one waits
            encoded.number_from(self._pending.next_row)
            self._full = not self._has_room(len(encoded.data), once=once)
            return not self._full

        with self._changed:
            self._insisting += once
            try:
                if not self._changed.wait_for(fits, timeout):
                    msg = f"no room in {timeout} s: wait longer or raise journal_bytes"
                    raise TimeoutError(msg)
            finally:
                self._insisting -= once
            self._write(encoded.record, encoded.data)

    def try_append(self, batch: Batch) -> bool:
        """Put a batch on disk if there is room; return whether it was taken."""
        try:
            self.append(batch, timeout=0)
        except TimeoutError:
            return False
        return True

    def finish(self) -> None:
        """Say that no more batches come; the loader ends after the last one."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def note_whole(self) -> None:
        """Note that the source gave all it has; a recovery may rely on it."""
        # where the disk refuses it, a recovery is careful, and nothing is lost
        with contextlib.suppress(OSError, JournalError):
            with self._changed:
                # a note that outlives rows would vouch for a part of them
                self._raise_refusal()
                self._segments.end()
            write_private(self.folder / WHOLE, b"")

    def fail(self, error: BaseException) -> None:
        """Wake the producer and the loader with an error; files stay."""
        with self._changed:
            if self._error is None:
                self._error = error
            self._closed = True
            self._changed.notify_all()
        self._room.tell()

    def on_room(self, listener: Callable[[], None]) -> None:
        """Call `listener` (briefly, from any thread) when there may be room."""
        with self._changed:
            self._room.add(listener)

    @property
    def is_full(self) -> bool:
        """Whether the last batch that came found no room, and none has come since."""
        with self._changed:
            return self._full

    @property
    def rows(self) -> int:
        """The run's number after the last row taken."""
        with self._changed:
            return self._pending.next_row

    @property
    def committed_row(self) -> int:
        """The run's number of the row below which all is committed."""
        with self._changed:
            return self._committed_row

    @property
    def waiting(self) -> int:
        """Rows taken and not known to be committed."""
        with self._changed:
            return self._waiting()

    # ---- the loader's side ----

    def follow(self) -> Iterator[Batch]:
        """Yield batches in order as they come, until `finish`, `fail` or `leave`.

        Raises:
            QueueClosedError: The journal failed.
        """
        reader = RecordReader()
        try:
            while (record := self._next(reader)) is not None:
                yield record.batch
        finally:
            reader.close()

    def leave(self) -> None:
        """Say that the loader takes no more; the producer does not notice."""
        with self._changed:
            self._left = True
            self._changed.notify_all()

    def committed(self, below: int) -> None:
        """Remove the files whose rows are all below a committed row number."""
        with self._changed:
            self._committed_row = max(self._committed_row, below)
            note_committed(self.folder, min(self._committed_row, self.rows))
            removed = False
            while self._is_committed(below) and (oldest := self._segments.oldest):
                self._pending.forget_file(oldest.path)
                self._segments.remove_oldest()
                removed = True
            if removed:
                self._full = False
                self._changed.notify_all()
        if removed:
            self._room.tell()

    def close(self, *, loaded: bool) -> None:
        """End the journal: nothing more is taken; it goes where all is in the table.

        Args:
            loaded: Whether the run is, whatever the journal knows.

        Raises:
            JournalError: The disk refuses what was taken last.
            OSError: The folder cannot be removed.
        """
        try:
            with self._changed:
                self._closed = self._ended = True
                self._changed.notify_all()
                # asked here: a row may have been taken since anyone else asked
                late = self.takes_effect_late and self._pending.next_row > 0
                goes = loaded or not (self._waiting() or late)
                # the end puts it on disk now, or nobody needs it there
                self._unsynced_since = None
                self._segments.end(sync=not goes)
                if goes:
                    remove_folder(self.folder)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self._changed:
            if self._lock_file is not None:
                unlock(self._lock_file)
                self._lock_file = None
        if self._syncer.is_alive():
            self._syncer.join()

    # ---- inside: called with the lock held ----

    def _waiting(self) -> int:
        return max(0, self._pending.next_row - self._committed_row)

    def _is_committed(self, below: int) -> bool:
        """Whether there is an oldest file that holds nothing that is still needed."""
        oldest, waiting = self._segments.oldest, self._pending.oldest
        if oldest is None or (waiting and waiting.path == oldest.path):
            return False
        return self._segments.ends_below(below, next_row=self._pending.next_row)

    def _has_room(self, size: int, *, once: bool) -> bool:
        if self._ended or not once:
            self._raise_end()
        self._raise_refusal()
        if self._closed:
            return True
        held = self._segments.nbytes
        return not held or held + size <= self._options.max_bytes

    def _raise_end(self) -> None:
        if self._error is not None:
            msg = f"the load failed: {self._error}"
            raise QueueClosedError(msg) from self._error
        if self._closed:
            msg = "the journal is closed: nothing more is taken"
            raise QueueClosedError(msg)

    def _write(self, record: Record, data: bytes) -> None:
        self._segments.end_with(self._pending.newest)
        recent = self._recent_bytes + len(data) <= RECENT_BYTES
        try:
            place = self._segments.add(data, record.first_row)
            kept = record if recent else None
            pending = PendingRecord(
                kept, place.path, place.size, len(data), record.through_row
            )
            if self._unsynced_since is None:
                self._unsynced_since = time.monotonic()
            # before this the rows are not taken, after it they are
            self._pending.add(pending)
        except BaseException:
            self._segments.end_with(self._pending.newest)
            raise
        self._recent_bytes += len(data) if recent else 0
        self._changed.notify_all()

    def _next(self, reader: RecordReader) -> Record | None:
        with self._changed:
            while (pending := self._pending.oldest) is None:
                if self._left:
                    return None
                if self._error is not None:
                    msg = f"the producer failed: {self._error}"
                    raise QueueClosedError(msg) from self._error
                if self._closed and not self._insisting:
                    return None
                self._changed.wait()
            if pending.record is not None:
                self._pending.remove_oldest()
                self._recent_bytes -= pending.size
                return pending.record
        # only this side removes records: the first one stays while it is read
        record, end = reader.read(pending)
        with self._changed:
            self._pending.remove_oldest(end)
        return record

    def _sync_each_second(self) -> None:
        try:
            while (file := self._due_file()) is not None:
                try:
                    os.fdatasync(file)
                finally:
                    os.close(file)
        except OSError as error:
            # also where no file is left to do it by: nobody would know of the rest
            self._refuse(error)

    def _refuse(self, error: OSError) -> None:
        """Take nothing more; what was taken is still loaded.

        The system calls pages clean that it could not write: a second try would seem
        to work.
        """
        with self._changed:
            self._refusal = unwritable(self.folder, error)
            self._refusal.__cause__ = error
            self._changed.notify_all()
        self._room.tell()

    def _raise_refusal(self) -> None:
        if self._refusal is not None:
            raise JournalError(str(self._refusal)) from self._refusal.__cause__

    def _due_file(self) -> int | None:
        """Return what is to be put on disk, once that is due; None at the end.

        Raises:
            OSError: There is no room for a file more in this process.
        """
        with self._changed:
            while True:
                wait = self._seconds_until_due()
                if wait is None and self._closed:
                    return None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                self._unsynced_since = None
                # whoever ended the file has put it on disk
                if (file := self._segments.duplicate()) is not None:
                    return file

    def _seconds_until_due(self) -> float | None:
        since = self._unsynced_since
        return None if since is None else since + SYNC_SECONDS - time.monotonic()
