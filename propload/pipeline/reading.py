"""Reads a source in a thread of its own, ahead of what is prepared."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from propload.process.threads import start_thread
from propload.queueing import BatchQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propload.batch import Batch
    from propload.queueing import Subscription

#: Source batches that wait: of a thousand rows each they make one prepared batch.
BATCHES_WAITING = 64
#: Bytes that wait, at most: 50,000 rows of 300 bytes, which is one prepared batch. A
#: source that is faster than the database would only fill memory with more.
BYTES_WAITING = 16 << 20
#: A batch is read in a tenth of it. A source that gives nothing for longer, as a quiet
#: pipe does, is not waited for.
END_SECONDS = 1.0


class Reader:
    """Reads a source in a thread of its own, into a bounded queue.

    Args:
        source: Batches in order.
        max_bytes: Most bytes that wait in the queue.

    Attributes:
        batches: What was read, for the one who prepares it.
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
            target=self._read, name="propload-reader", daemon=True
        )

    def start(self) -> None:
        """Begin to read; only the first call counts."""
        with self._starting:
            if self._thread.ident is None:
                start_thread(self._thread)

    @property
    def fill(self) -> float:
        """How full the queue is, 0 to 1."""
        return self._queue.fill

    def stop(self) -> None:
        """Read no more; what was read can still be taken."""
        self._stopping.set()
        self._queue.close()

    def end(self) -> None:
        """Read no more, and wait for the batch that is being read.

        A process that ends while a thread of it is in Polars is aborted, whatever exit
        code it was to have.
        """
        self.stop()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def close(self, error: BaseException) -> None:
        """Read no more, and drop what was read; whoever waits for it gets the error."""
        self._queue.close(error)

    def _read(self) -> None:
        try:
            for batch in self._source:
                self._queue.put(batch)
                if self._stopping.is_set():
                    break
            self._queue.close()
        except BaseException as error:  # noqa: BLE001 - raised where batches are taken
            # what was read before it is loaded: the queue is drained, where it was not
            # the queue that closed, whose reason the taker knows
            self.error = error
            self._queue.close()
