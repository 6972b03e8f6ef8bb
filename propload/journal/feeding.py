"""A source that cannot be read again, made safe by a journal in front of it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from propload.errors import JournalError, QueueClosedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.batch import Batch
    from propload.journal.writing import Journal

log = logging.getLogger(__name__)

#: Seconds for a source to hand over what it has begun. Sources do so each second
#: (`FLUSH_SECONDS`); to make a batch of it takes less than another one.
GRACE_SECONDS = 2.0


class Batches(Protocol):
    """Anything that yields batches."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches in order."""


class JournaledSource:
    """Yields what its source yields, each batch on disk before the next is asked for.

    The source is read by a thread of its own, so that it goes on (into the journal)
    while the loader waits for the database.

    Args:
        source: Read once.
        journal: Where its batches go.
    """

    def __init__(self, source: Batches, journal: Journal) -> None:
        self._source = source
        self._journal = journal
        self._error: BaseException | None = None
        self._unkept: Batch | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._produce, name="propload-producer", daemon=True
        )

    def __iter__(self) -> Iterator[Batch]:
        self._thread.start()
        yield from self._journal.follow()
        if self._unkept is not None:
            # the disk refused it, and its source cannot give it a second time
            yield self._unkept
        if self._error is not None:
            raise self._error

    def is_producing(self) -> bool:
        """Return whether the source may still yield."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask for no more; what is in the journal is still yielded.

        A source with a `stop` of its own (a crawl) hands over what it holds first.
        """
        self._stopped.set()
        stop = getattr(self._source, "stop", None)
        if stop is not None:
            stop()
        else:
            threading.Thread(
                target=self._end_soon, name="propload-producer-end", daemon=True
            ).start()

    def _end_soon(self) -> None:
        """End with the batch that is being made, without a source that waits."""
        if self._thread.ident is not None:
            self._thread.join(GRACE_SECONDS)
        held = getattr(self._source, "held_rows", 0)
        if self._thread.is_alive() and held:
            log.warning(
                "the source gives no more: the last %d rows it gave are not loaded",
                held,
            )
        # one that waits for input cannot be woken
        self._journal.finish()

    def _keep(self, batch: Batch) -> None:
        try:
            self._journal.append(batch)
        except JournalError:
            self._unkept = batch
            raise

    def _produce(self) -> None:
        try:
            for batch in self._source:
                self._keep(batch)
                if self._stopped.is_set() and not hasattr(self._source, "stop"):
                    break
            if not self._stopped.is_set():
                self._journal.note_whole()
        except QueueClosedError as error:
            log.debug("the producer was told to end: %s", error)
        except BaseException as error:  # noqa: BLE001 - raised where it is iterated
            self._error = error
        finally:
            self._journal.finish()
