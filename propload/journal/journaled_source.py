"""A source that cannot be read again, made safe by a journal in front of it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from propload.errors import JournalError, QueueClosedError
from propload.messages.wording import counted
from propload.process.threads import start_thread
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

#: Seconds for a source to hand over what it has begun. Sources do so each second
#: (`FLUSH_SECONDS`); to make a batch of it takes less than another one.
HAND_OVER_SECONDS = 2.0
#: Seconds for the thread that waited for room to hear that there is an end.
WAKE_SECONDS = 1.0


class JournaledSource:
    """Yields what its source yields, each batch on disk before the next is asked for.

    The source is read by a thread of its own, so that it goes on (into the journal)
    while the loader waits for the database.

    Args:
        source: Read once.
        journal: Where its batches go.
    """

    def __init__(self, source: Iterable[Batch], journal: Journal) -> None:
        self._source = source
        self._journal = journal
        self._error: BaseException | None = None
        self._refusal: JournalError | None = None
        self._unkept: list[Batch] = []
        self._given = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._produce, name="propload-producer", daemon=True
        )
        self._ender: threading.Thread | None = None

    def __iter__(self) -> Iterator[Batch]:
        start_thread(self._thread)
        yield from self._journal.follow()
        # the disk refused it, and its source cannot give it a second time
        yield from self._unkept
        if self._error is not None:
            raise self._error

    @property
    def lost_rows(self) -> int:
        """The rows that the source gave and that are neither in the journal nor loaded.

        After `close` it is what the source held when nobody waited for it any more.
        """
        taken = max(self._given, rows_taken_of(self._source))
        return max(0, taken - max(self._journal.rows, self._journal.committed_row))

    def is_producing(self) -> bool:
        """Return whether the source may still yield."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask for no more; what is in the journal is still yielded.

        A source with a `stop` of its own (a crawl) hands over what it holds first.
        """
        self._stopped.set()
        if not self._stop_source():
            ender = threading.Thread(
                target=self._end_soon, name="propload-producer-end", daemon=True
            )
            start_thread(ender)
            self._ender = ender

    def close(self) -> None:
        """End it, whatever became of the run, before its journal is closed.

        What the source has begun to give is put into the journal. The thread that reads
        it goes, unless the source waits for what it cannot be woken from.
        """
        self._stopped.set()
        if self.is_producing():
            self._stop_source()
        if self._ender is None:
            self._end_soon()
        else:
            self._ender.join()
        if self.is_producing():
            self._thread.join(WAKE_SECONDS)

    def _stop_source(self) -> bool:
        """Tell the source to stop, and return whether that wakes it."""
        if isinstance(self._source, Endable):
            self._source.take_no_more()
        if not isinstance(self._source, Stoppable):
            return False
        self._source.stop()
        return True

    def _end_soon(self) -> None:
        """End with the batch that is being made, without a source that waits."""
        if self._thread.ident is not None:
            self._thread.join(HAND_OVER_SECONDS)
        # one that waits for input cannot be woken
        self._journal.finish()

    def _keep(self, batch: Batch) -> None:
        """Put a batch into the journal; one that the disk refuses stays in memory."""
        self._given += batch.height
        if self._refusal is None:
            try:
                self._journal.append(batch, once=True)
            except JournalError as error:
                self._refusal = error
                self._stopped.set()
                self._stop_source()
            else:
                return
        self._unkept.append(batch)

    def _produce(self) -> None:
        ends_itself = isinstance(self._source, Stoppable | Endable)
        try:
            for batch in self._source:
                self._keep(batch)
                if self._stopped.is_set() and not ends_itself:
                    break
            if not self._stopped.is_set() and not incomplete_of(self._source):
                self._journal.note_whole()
            self._error = self._refusal
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
            self._error = self._refusal or error
        finally:
            self._journal.finish()
