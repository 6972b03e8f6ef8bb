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
from propload.journal.records import EncodedBatch
from propload.journal.segments import JournalOptions, Segments, unwritable_error
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

#: Bytes of records also kept in memory, so that a loader that keeps up need not read
#: the disk.
RECENT_BYTES = 8 << 20
#: With sync `second`, seconds after which a written record is flushed at the latest.
SYNC_SECONDS = 1.0


class Journal:
    """A journal that is being written and read.

    Args:
        folder: Its folder, which is created here; each run has its own.
        options: How it is kept.
        about: What a recovery needs to know about the run, without secrets.
        takes_effect_late: Whether committed rows reach the table only when the run is
            loaded (a replace), so that the journal has to stay until then.

    Raises:
        JournalError: Its folder cannot be created.
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
        #: May exceed the rows taken: rows that the disk refused are loaded as well.
        self._committed_row = 0
        self._segments = Segments(folder, options.sync)
        self._pending = PendingRecords()
        self._recent_bytes = 0
        self._full = False
        #: How many producers wait for room with a batch that they cannot give again.
        self._unrepeatable_waiting = 0
        self._closed = False
        self._ended = False
        #: Whether the loader has stopped reading.
        self._reader_closed = False
        self._error: BaseException | None = None
        #: The error if rows that were already taken could not be flushed.
        self._sync_error: JournalError | None = None
        self._room: Listeners[[]] = Listeners()
        self._unsynced_since: float | None = None
        self._syncer = threading.Thread(
            target=self._sync_each_second, name="propload-journal-sync", daemon=True
        )
        self._lock_file: int | None = None
        try:
            self._create(about)
        except OSError as error:
            msg = f"the journal {folder} cannot be created: {error.strerror}"
            raise JournalError(msg) from error

    def _create(self, about: Mapping[str, Plain]) -> None:
        make_private_folder(self.folder.parent)
        self.folder.mkdir(mode=0o700)
        try:
            self._segments.sync_entries(self.folder.parent)
            self._lock_file = lock_file(self.folder / LOCK)
            write_private(self.folder / ABOUT, json.dumps(about).encode())
            if self._options.sync == "second":
                start_thread(self._syncer)
        except (OSError, PropLoadError):
            # a folder without its notes would never be recovered
            remove_folder(self.folder)
            self._release()
            raise

    # ---- the producer's side ----

    def append(
        self, batch: Batch, *, timeout: float | None = None, unrepeatable: bool = False
    ) -> None:
        """Write a batch to disk, waiting for room.

        Args:
            batch: The batch.
            timeout: Seconds to wait; None waits as long as it takes.
            unrepeatable: Whether the batch cannot be given again: it is then taken even
                after `finish` or `fail` and without room, until the journal is closed.

        Raises:
            TimeoutError: There was no room in time; the batch was not taken.
            JournalError: The disk refused it; the batch was not taken.
            QueueClosedError: The journal is closed.
        """
        encoded = EncodedBatch(batch, self.rows)

        def fits() -> bool:
            # while this one waits, another producer may append first
            encoded.number_from(self._pending.next_row)
            self._full = not self._has_room(
                len(encoded.data), unrepeatable=unrepeatable
            )
            return not self._full

        with self._changed:
            self._unrepeatable_waiting += unrepeatable
            try:
                if not self._changed.wait_for(fits, timeout):
                    msg = f"no room in {timeout} s: wait longer or raise journal_bytes"
                    raise TimeoutError(msg)
            finally:
                self._unrepeatable_waiting -= unrepeatable
            self._write(encoded.record, encoded.data)

    def try_append(self, batch: Batch) -> bool:
        """Write a batch to disk if there is room; return whether it was taken."""
        try:
            self.append(batch, timeout=0)
        except TimeoutError:
            return False
        return True

    def finish(self) -> None:
        """Note that no more batches will come; the loader ends after the last one."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def note_whole(self) -> None:
        """Note that the source gave all its rows; a recovery relies on that."""
        # if that cannot be written, a recovery takes it that rows may be missing
        with contextlib.suppress(OSError, JournalError):
            with self._changed:
                # flush the rows first: the note must not survive a loss of rows
                self._raise_sync_error()
                self._segments.end()
            write_private(self.folder / WHOLE, b"")

    def fail(self, error: BaseException) -> None:
        """Wake the producer and the loader with an error; the files are kept."""
        with self._changed:
            if self._error is None:
                self._error = error
            self._closed = True
            self._changed.notify_all()
        self._room.notify()

    def on_room(self, listener: Callable[[], None]) -> None:
        """Call `listener` (briefly, from any thread) when there may be room."""
        with self._changed:
            self._room.add(listener)

    @property
    def is_full(self) -> bool:
        """Whether the last batch found no room, and none was freed since."""
        with self._changed:
            return self._full

    @property
    def rows(self) -> int:
        """The row number of the run after the last row taken."""
        with self._changed:
            return self._pending.next_row

    @property
    def committed_row(self) -> int:
        """The row number of the run below which all rows are committed."""
        with self._changed:
            return self._committed_row

    @property
    def waiting(self) -> int:
        """How many rows were taken and are not known to be committed."""
        with self._changed:
            return self._waiting()

    # ---- the loader's side ----

    def follow(self) -> Iterator[Batch]:
        """Yield batches as they arrive, until `finish`, `fail` or `close_reader`.

        Raises:
            QueueClosedError: The journal failed.
        """
        reader = RecordReader()
        try:
            while (record := self._next(reader)) is not None:
                yield record.batch
        finally:
            reader.close()

    def close_reader(self) -> None:
        """Note that the loader has stopped reading; the producer is not affected."""
        with self._changed:
            self._reader_closed = True
            self._changed.notify_all()

    def note_committed(self, below: int) -> None:
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
            self._room.notify()

    def close(self, *, loaded: bool) -> None:
        """End the journal, and remove it if none of its rows is needed any more.

        Args:
            loaded: Whether the run has loaded everything, whatever the journal knows.

        Raises:
            JournalError: What was taken last cannot be written to disk.
            OSError: The folder cannot be removed.
        """
        try:
            with self._changed:
                self._closed = self._ended = True
                self._changed.notify_all()
                # computed under the lock, as rows may have been taken until now
                takes_effect_later = (
                    self.takes_effect_late and self._pending.next_row > 0
                )
                is_removed = loaded or not (self._waiting() or takes_effect_later)
                # `end` flushes what remains now, unless the files are removed
                self._unsynced_since = None
                self._segments.end(sync=not is_removed)
                if is_removed:
                    remove_folder(self.folder)
        finally:
            self._release()

    def _release(self) -> None:
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
        """Whether the oldest file exists and holds no row that is still needed."""
        oldest, waiting = self._segments.oldest, self._pending.oldest
        if oldest is None or (waiting and waiting.path == oldest.path):
            return False
        return self._segments.ends_below(below, next_row=self._pending.next_row)

    def _has_room(self, size: int, *, unrepeatable: bool) -> bool:
        if self._ended or not unrepeatable:
            self._raise_end()
        self._raise_sync_error()
        if self._closed:
            return True
        stored_bytes = self._segments.nbytes
        return not stored_bytes or stored_bytes + size <= self._options.max_bytes

    def _raise_end(self) -> None:
        if self._error is not None:
            msg = f"the load failed: {self._error}"
            raise QueueClosedError(msg) from self._error
        if self._closed:
            msg = "the journal is closed: nothing more is taken"
            raise QueueClosedError(msg)

    def _write(self, record: Record, data: bytes) -> None:
        self._segments.truncate_after(self._pending.newest)
        is_recent = self._recent_bytes + len(data) <= RECENT_BYTES
        try:
            segment = self._segments.add(data, record.first_row)
            kept = record if is_recent else None
            pending = PendingRecord(
                kept, segment.path, segment.size, len(data), record.through_row
            )
            if self._unsynced_since is None:
                self._unsynced_since = time.monotonic()
            # this step alone decides whether the rows are taken
            self._pending.add(pending)
        except BaseException:
            self._segments.truncate_after(self._pending.newest)
            raise
        self._recent_bytes += len(data) if is_recent else 0
        self._changed.notify_all()

    def _next(self, reader: RecordReader) -> Record | None:
        with self._changed:
            while (pending := self._pending.oldest) is None:
                if self._reader_closed:
                    return None
                if self._error is not None:
                    msg = f"the producer failed: {self._error}"
                    raise QueueClosedError(msg) from self._error
                if self._closed and not self._unrepeatable_waiting:
                    return None
                self._changed.wait()
            if pending.record is not None:
                self._pending.remove_oldest()
                self._recent_bytes -= pending.size
                return pending.record
        # only this thread removes records, so the oldest stays while it is read
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
            # also if no descriptor is left: rows would otherwise go unflushed unnoticed
            self._note_sync_error(error)

    def _note_sync_error(self, error: OSError) -> None:
        """Take no more rows; those taken before are still loaded.

        After a failed flush the system marks the pages as clean, so that a second
        attempt would seem to succeed.
        """
        with self._changed:
            self._sync_error = unwritable_error(self.folder, error)
            self._sync_error.__cause__ = error
            self._changed.notify_all()
        self._room.notify()

    def _raise_sync_error(self) -> None:
        if self._sync_error is not None:
            raise JournalError(str(self._sync_error)) from self._sync_error.__cause__

    def _due_file(self) -> int | None:
        """Return a descriptor of the file to flush once that is due; None at the end.

        Raises:
            OSError: This process has no file descriptors left.
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
                # if there is none, the file was flushed when it was ended
                if (file := self._segments.duplicate()) is not None:
                    return file

    def _seconds_until_due(self) -> float | None:
        since = self._unsynced_since
        return None if since is None else since + SYNC_SECONDS - time.monotonic()
