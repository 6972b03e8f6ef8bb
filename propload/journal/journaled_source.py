"""A source that cannot be read again, made safe by a journal in front of it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from propload.errors import JournalError, QueueClosedError
from propload.messages.wording import counted
from propload.process.threads import in_context, start_thread
from propload.source_capabilities import (
    Endable,
    Stoppable,
    incomplete_of,
    rows_taken_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propload.batch import Batch
    from propload.journal.writing import Journal

log = logging.getLogger(__name__)

#: Seconds for a source to hand over the batch it has begun. Sources do so each second
#: (`FLUSH_SECONDS`), and making the batch takes less than another second.
HAND_OVER_SECONDS = 2.0
#: Seconds for a producer that waits for room to notice the end of the journal.
WAKE_SECONDS = 1.0


class JournaledSource:
    """Yields the batches of a source, each written to disk before the next is read.

    The source is read in a thread of its own, so that it keeps filling the journal
    while the loader waits for the database.

    Args:
        source: The source, which is read once.
        journal: Keeps its batches.
    """

    def __init__(self, source: Iterable[Batch], journal: Journal) -> None:
        self._source = source
        self._journal = journal
        self._error: BaseException | None = None
        self._disk_error: JournalError | None = None
        self._unwritten: list[Batch] = []
        self._rows_read = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=in_context(self._produce), name="propload-producer", daemon=True
        )
        self._finisher: threading.Thread | None = None

    def __iter__(self) -> Iterator[Batch]:
        start_thread(self._thread)
        yield from self._journal.follow()
        # batches that could not be written to disk, and that the source cannot repeat
        yield from self._unwritten
        if self._error is not None:
            raise self._error

    @property
    def lost_rows(self) -> int:
        """How many rows the source gave that are neither in the journal nor loaded.

        After `close` these are the rows that the source had not handed over in time.
        """
        taken = max(self._rows_read, rows_taken_of(self._source))
        return max(0, taken - max(self._journal.rows, self._journal.committed_row))

    def is_producing(self) -> bool:
        """Return whether the source may still yield."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop reading the source; batches in the journal are still yielded.

        A source with a `stop` method of its own (a crawl) first hands over what it has.
        """
        self._stopped.set()
        if not self._stop_source():
            finisher = threading.Thread(
                target=self._finish_soon, name="propload-producer-end", daemon=True
            )
            start_thread(finisher)
            self._finisher = finisher

    def close(self) -> None:
        """End reading, whatever the run's outcome; call it before closing the journal.

        The batch that the source has begun is still written to the journal. The reading
        thread ends, unless the source is blocked and cannot be woken.
        """
        self._stopped.set()
        if self.is_producing():
            self._stop_source()
        if self._finisher is None:
            self._finish_soon()
        else:
            self._finisher.join()
        if self.is_producing():
            self._thread.join(WAKE_SECONDS)

    def _stop_source(self) -> bool:
        """Tell the source to stop; return whether it then ends by itself."""
        if isinstance(self._source, Endable):
            self._source.end_after_current()
        if not isinstance(self._source, Stoppable):
            return False
        self._source.stop()
        return True

    def _finish_soon(self) -> None:
        """Finish the journal after the current batch, within `HAND_OVER_SECONDS`."""
        if self._thread.ident is not None:
            self._thread.join(HAND_OVER_SECONDS)
        # a source that waits for input cannot be woken
        self._journal.finish()

    def _store(self, batch: Batch) -> None:
        """Write a batch to the journal; if the disk refuses it, keep it in memory."""
        self._rows_read += batch.height
        if self._disk_error is None:
            try:
                self._journal.append(batch, unrepeatable=True)
            except JournalError as error:
                self._disk_error = error
                self._stopped.set()
                self._stop_source()
            else:
                return
        self._unwritten.append(batch)

    def _produce(self) -> None:
        ends_itself = isinstance(self._source, Stoppable | Endable)
        try:
            for batch in self._source:
                self._store(batch)
                if self._stopped.is_set() and not ends_itself:
                    break
            if not self._stopped.is_set() and not incomplete_of(self._source):
                self._journal.note_whole()
            self._error = self._disk_error
        except QueueClosedError:
            log.warning(
                "%s not kept: the load had ended before",
                counted(
                    self.lost_rows,
                    "row that the source gave last is",
                    "rows that the source gave last are",
                ),
            )
        except BaseException as error:  # noqa: BLE001 - raised where it is iterated
            self._error = self._disk_error or error
        finally:
            self._journal.finish()
