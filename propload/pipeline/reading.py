"""Reads a source in a thread of its own, ahead of the preparing thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from propload.process.threads import in_context, start_thread
from propload.queueing import BatchQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propload.batch import Batch
    from propload.queueing import Subscription

#: The most source batches that wait: with a thousand rows each, one prepared batch.
BATCHES_WAITING = 64
#: The most bytes that wait: 50,000 rows of 300 bytes, which is one prepared batch. With
#: more, a source faster than the database would only fill memory.
BYTES_WAITING = 16 << 20
#: Seconds to wait for the batch being read: ten times what one takes. A source that
#: gives nothing for longer, such as a quiet pipe, is not waited for.
END_SECONDS = 1.0


class Reader:
    """Reads a source in a thread of its own, into a bounded queue.

    Args:
        source: Batches in order.
        max_bytes: The most bytes that wait in the queue.

    Attributes:
        batches: The batches read, for the preparing thread.
        error: Why the source was not read to its end, or None.
    """

    def __init__(self, source: Iterable[Batch], *, max_bytes: int) -> None:
        self._source = source
        self._queue: BatchQueue[Batch] = BatchQueue(
            BATCHES_WAITING, min(max_bytes, BYTES_WAITING)
        )
        self.batches: Subscription[Batch] = self._queue.subscribe()
        self.error: BaseException | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=in_context(self._read), name="propload-reader", daemon=True
        )

    def start(self) -> None:
        """Start reading; later calls do nothing."""
        with self._starting:
            if self._thread.ident is None:
                start_thread(self._thread)

    @property
    def fill(self) -> float:
        """How full the queue is, from 0 to 1."""
        return self._queue.fill

    def stop(self) -> None:
        """Stop reading; batches already read can still be taken."""
        self._stopping.set()
        self._queue.close()

    def end(self) -> None:
        """Stop reading, and wait up to `END_SECONDS` for the batch that is being read.

        A process that exits while one of its threads is in Polars is aborted, and its
        exit code is lost.
        """
        self.stop()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def close(self, error: BaseException) -> None:
        """Stop reading and drop the batches read; whoever takes them gets the error."""
        self._queue.close(error)

    def _read(self) -> None:
        try:
            for batch in self._source:
                self._queue.put(batch)
                if self._stopping.is_set():
                    break
            self._queue.close()
        except BaseException as error:  # noqa: BLE001 - raised where batches are taken
            # rows read before the error are still loaded: the queue is closed to be
            # drained. If it was closed with an error before, that one stays.
            self.error = error
            self._queue.close()
