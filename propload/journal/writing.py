"""The live journal: a queue on disk between a producer and the loader."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import JournalError, QueueClosedError
from propload.journal import records
from propload.journal.folders import (
    ABOUT,
    WHOLE,
    lock_folder,
    remove_folder,
    write_all,
)
from propload.journal.reading import Entry, Reader
from propload.journal.records import Record
from propload.private_files import make_private_folder, sync_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from propload.batch import Batch
    from propload.options import JournalSync
    from propload.report import Plain

#: A new file begins past this many bytes: committed files are removed whole.
SEGMENT_BYTES = 16 << 20
#: Records kept in memory as well, so that a loader that keeps up reads no disk.
RECENT_BYTES = 8 << 20
#: With `second`, written records reach the disk at least this often, in seconds.
SYNC_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """How a journal is kept.

    Attributes:
        sync: always: on disk before `append` returns, a power cut loses nothing;
            second: a power cut loses at most the last second; off: it loses what
            the system had not written. A killed process loses nothing in each.
        max_bytes: Most bytes on disk before a producer waits.
    """

    sync: JournalSync
    max_bytes: int


class Journal:
    """A journal that is being written and followed.

    Args:
        folder: Its folder, made here; one run, one folder.
        options: How it is kept.
        about: What a recovery needs to know of the run; no secrets.
        first_row: The run's number of the first row that will come.
    """

    def __init__(
        self,
        folder: Path,
        options: JournalOptions,
        about: Mapping[str, Plain],
        *,
        first_row: int = 0,
    ) -> None:
        self.folder = folder
        self._options = options
        self._changed = threading.Condition()
        self._next_row = first_row
        self._committed_row = first_row
        self._segments: deque[tuple[int, Path, int]] = deque()
        self._file: int | None = None
        self._pending: deque[Entry] = deque()
        self._recent_bytes = 0
        self._waiting_for_room = 0
        self._closed = False
        self._error: BaseException | None = None
        self._room_listeners: list[Callable[[], None]] = []
        self._unsynced_since: float | None = None
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700)
        self._sync_names(folder.parent)
        self._lock_file: int | None = lock_folder(folder)
        write_private(folder / ABOUT, json.dumps(about).encode())
        self._syncer = threading.Thread(
            target=self._sync_each_second, name="propload-journal-sync", daemon=True
        )
        if options.sync == "second":
            self._syncer.start()

    # ---- the producer's side ----

    def append(self, batch: Batch, *, timeout: float | None = None) -> None:
        """Put a batch on disk, waiting for room.

        Raises:
            TimeoutError: There was no room in time; the batch was not taken.
            JournalError: The disk refuses; the batch was not taken.
            QueueClosedError: The journal is closed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                # another producer may come first while this one waits
                record = Record(batch, self._next_row)
                data = records.encode(record)
                if self._has_room(len(data)):
                    self._write(record, data)
                    return
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    msg = f"no room in the journal within {timeout} s"
                    raise TimeoutError(msg)
                self._waiting_for_room += 1
                try:
                    self._changed.wait(left)
                finally:
                    self._waiting_for_room -= 1

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
                self._close_segment()
            write_private(self.folder / WHOLE, b"")

    def fail(self, error: BaseException) -> None:
        """Wake the producer and the loader with an error; files stay."""
        with self._changed:
            if self._error is None:
                self._error = error
            self._closed = True
            self._changed.notify_all()
            listeners = tuple(self._room_listeners)
        for listener in listeners:
            listener()

    def on_room(self, listener: Callable[[], None]) -> None:
        """Call `listener` (briefly, from any thread) when there may be room."""
        with self._changed:
            self._room_listeners.append(listener)

    @property
    def nbytes(self) -> int:
        """The bytes on disk."""
        with self._changed:
            return sum(size for _, _, size in self._segments)

    @property
    def is_full(self) -> bool:
        """Whether a producer waits for room."""
        with self._changed:
            return self._waiting_for_room > 0

    @property
    def rows(self) -> int:
        """The run's number after the last row taken."""
        with self._changed:
            return self._next_row

    @property
    def waiting(self) -> int:
        """Rows taken and not known to be committed."""
        with self._changed:
            return self._next_row - self._committed_row

    # ---- the loader's side ----

    def follow(self) -> Iterator[Batch]:
        """Yield batches in order as they come, until `finish` or `fail`.

        Raises:
            QueueClosedError: The journal failed.
        """
        reader = Reader()
        try:
            while (record := self._next(reader)) is not None:
                yield record.batch
        finally:
            reader.close()

    def committed(self, below: int) -> None:
        """Remove the files whose rows are all below a committed row number."""
        with self._changed:
            self._committed_row = max(self._committed_row, below)
            removed = False
            while self._segments and self._is_committed(below):
                if len(self._segments) == 1:
                    self._close_segment()
                self._segments.popleft()[1].unlink(missing_ok=True)
                removed = True
            if removed:
                self._changed.notify_all()
            listeners = tuple(self._room_listeners) if removed else ()
        for listener in listeners:
            listener()

    def close(self, *, remove: bool, drained: bool = False) -> None:
        """End the journal: nothing more is taken.

        Args:
            remove: Whether its folder goes, whatever it holds.
            drained: Whether its folder goes if every row taken is committed.

        Raises:
            JournalError: The disk refuses what was taken last.
        """
        try:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
                self._close_segment()
                # asked here: a row may have been taken since anyone else asked
                if remove or (drained and self._next_row == self._committed_row):
                    remove_folder(self.folder)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self._changed:
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None
        if self._syncer.is_alive():
            self._syncer.join()

    # ---- inside: called with the lock held ----

    def _is_committed(self, below: int) -> bool:
        """Whether the oldest file holds nothing that is still needed."""
        if self._pending and self._pending[0].path == self._segments[0][1]:
            return False
        following = self._segments[1][0] if len(self._segments) > 1 else self._next_row
        return following <= below

    def _has_room(self, size: int) -> bool:
        if self._error is not None:
            msg = f"the load failed: {self._error}"
            raise QueueClosedError(msg) from self._error
        if self._closed:
            msg = "the journal is closed: nothing more is taken"
            raise QueueClosedError(msg)
        held = sum(held for _, _, held in self._segments)
        return not held or held + size <= self._options.max_bytes

    def _write(self, record: Record, data: bytes) -> None:
        if self._file is None or self._segments[-1][2] >= SEGMENT_BYTES:
            self._open_segment(record.first_row)
        assert self._file is not None  # noqa: S101 - opened above
        first, path, size = self._segments[-1]
        try:
            write_all(self._file, data)
            if self._options.sync == "always":
                os.fdatasync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)
            msg = (
                f"the journal {path} cannot be written: {error.strerror}. What it "
                "holds is safe: make room, then run: propload recover"
            )
            raise JournalError(msg) from error
        self._segments[-1] = (first, path, size + len(data))
        self._next_row = record.through_row
        if self._unsynced_since is None:
            self._unsynced_since = time.monotonic()
        recent = self._recent_bytes + len(data) <= RECENT_BYTES
        self._recent_bytes += len(data) if recent else 0
        self._pending.append(Entry(record if recent else None, path, size, len(data)))
        self._changed.notify_all()

    def _open_segment(self, first_row: int) -> None:
        self._close_segment()
        path = self.folder / records.segment_name(first_row)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            file = os.open(path, flags, 0o600)
            with contextlib.ExitStack() as undo:
                undo.callback(os.close, file)
                self._sync_names(self.folder)
                undo.pop_all()
        except OSError as error:
            msg = f"the journal {path} cannot be made: {error.strerror}"
            raise JournalError(msg) from error
        self._file = file
        self._segments.append((first_row, path, 0))

    def _sync_names(self, folder: Path) -> None:
        if self._options.sync != "off":
            sync_folder(folder)

    def _close_segment(self) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            if self._options.sync != "off":
                os.fdatasync(file)
        except OSError as error:
            msg = f"the journal {self.folder} cannot be written: {error.strerror}"
            raise JournalError(msg) from error
        finally:
            os.close(file)

    def _next(self, reader: Reader) -> Record | None:
        with self._changed:
            while not self._pending:
                if self._error is not None:
                    msg = f"the producer failed: {self._error}"
                    raise QueueClosedError(msg) from self._error
                if self._closed:
                    return None
                self._changed.wait()
            entry = self._pending[0]
            if entry.record is not None:
                self._pending.popleft()
                self._recent_bytes -= entry.size
                return entry.record
        # only this side removes entries: the first one stays while it is read
        record = reader.read(entry)
        with self._changed:
            self._pending.popleft()
        return record

    def _sync_each_second(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                since = self._unsynced_since
                due = SYNC_SECONDS if since is None else since + SYNC_SECONDS
                wait = None if since is None else due - time.monotonic()
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                self._unsynced_since = None
                file = None if self._file is None else os.dup(self._file)
            if file is not None:
                with contextlib.suppress(OSError):
                    os.fdatasync(file)
                os.close(file)
