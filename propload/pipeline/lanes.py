"""Lanes: threads that each own a writer and write their pieces in order."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from propload.errors import QueueClosedError
from propload.process.threads import in_context, start_thread
from propload.queueing import BatchQueue
from propload.retrying import RetryOptions, retry

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from propload.batch import Piece
    from propload.errors import TransientWriteError
    from propload.pipeline.stages import Fitted
    from propload.target import Writer, Written

log = logging.getLogger(__name__)

#: Seconds between two requests to cancel a statement: a request that arrives between
#: two statements has no effect.
CANCEL_SECONDS = 0.2
#: One piece is written while the next waits: more would only use memory.
PIECES_WAITING = 2


@dataclass(frozen=True, slots=True)
class Work:
    """A piece and how to open the writer that fits its columns.

    Attributes:
        piece: What to write; None announces pieces, for which the lane prepares its
            writer.
        fitted: Opens the writer; it is the same object for all pieces of the same
            columns, so that a lane keeps its writer.
    """

    piece: Piece | None
    fitted: Fitted

    @property
    def nbytes(self) -> int:
        """The bytes of the piece in memory."""
        return 0 if self.piece is None else self.piece.rows.nbytes


class Listener(Protocol):
    """Receives the outcome of pieces; called from the lanes' threads."""

    def on_written(self, piece: Piece, written: Written) -> None:
        """Called when a piece has been committed."""

    def on_rejected(self, piece: Piece, reasons: pl.DataFrame, /) -> None:
        """Called with the rejected rows before the commit; empty if none remain."""

    def on_retry(self, error: TransientWriteError, wait: float) -> None:
        """Called when a transaction will be retried after `wait` seconds."""


class Lane:
    """One lane: a bounded queue of pieces and the thread that writes them.

    Args:
        number: The lane's number, from 0.
        listener: Receives the outcome of the pieces.
        retries: How long to retry one transaction.
        max_bytes: The most bytes of pieces that wait.
        on_failed: Called when the lane has ended with an error.
    """

    def __init__(
        self,
        number: int,
        listener: Listener,
        retries: RetryOptions,
        *,
        max_bytes: int,
        on_failed: Callable[[BaseException], None],
    ) -> None:
        self.number = number
        self._listener = listener
        self._retries = retries
        self._on_failed = on_failed
        self._queue: BatchQueue[Work] = BatchQueue(PIECES_WAITING, max_bytes)
        self._subscription = self._queue.subscribe()
        self._aborted = threading.Event()
        #: The current writer; the writer for other columns takes over its session.
        self._opened: tuple[Fitted, Writer] | None = None
        self._thread = threading.Thread(
            target=in_context(self._run), name=f"propload-lane-{number}", daemon=True
        )

    def start(self) -> None:
        """Start the lane's thread."""
        start_thread(self._thread)

    def put(self, work: Work) -> None:
        """Queue a piece, or the announcement of some, waiting for room.

        Raises:
            QueueClosedError: The lane failed; the cause is its error.
        """
        self._queue.put(work)

    @property
    def fill(self) -> float:
        """How full the lane is, from 0 to 1."""
        return self._queue.fill

    def finish(self) -> None:
        """Let the lane write all its pieces, and wait for it to end."""
        self._queue.close()
        self.join()

    def abort(self, error: BaseException) -> None:
        """End the lane: drop the pieces that it has not begun, and retry nothing."""
        self._aborted.set()
        self._queue.close(error)

    def join(self) -> None:
        """Wait for the lane's thread to end; if aborted, cancel its statements."""
        request: threading.Thread | None = None
        while self._thread.is_alive():
            if self._aborted.is_set() and not (request and request.is_alive()):
                request = self._request_cancel()
            self._thread.join(CANCEL_SECONDS)
        if request is not None:
            request.join(CANCEL_SECONDS)

    def _request_cancel(self) -> threading.Thread:
        """Cancel the lane's statement in a thread, and return that.

        The request is a connection of its own. Over a dead line it takes two minutes to
        fail, long after the statement has failed by itself.
        """
        request = threading.Thread(
            target=self._cancel, name=f"propload-cancel-{self.number}", daemon=True
        )
        start_thread(request)
        return request

    def _run(self) -> None:
        try:
            while (work := self._next()) is not None:
                writer = self._writer(work.fitted)
                if work.piece is None:
                    writer.get_ready()
                else:
                    self._write(work.piece, writer)
        except BaseException as error:  # noqa: BLE001 - handed to the pipeline
            self._queue.close(error)
            self._on_failed(error)
        finally:
            self._close()

    def _next(self) -> Work | None:
        """Return the next `Work`, or None if the lane is to end."""
        try:
            return self._subscription.get()
        except QueueClosedError as error:
            log.debug("lane %d was told to end: %s", self.number, error)
            return None

    def _write(self, piece: Piece, writer: Writer) -> None:
        began = time.monotonic()
        name = f"batch {piece.batch}, lane {self.number}"
        written = retry(
            lambda: writer.write(piece),
            self._retries,
            stop=self._aborted,
            name=name,
            on_retry=self._listener.on_retry,
        )
        counts = written.counts
        log.info(
            "%s: committed %d inserted, %d updated, %d unchanged, %d stale in %.3f s",
            self._retries.label(name),
            counts.inserted,
            counts.updated,
            counts.unchanged,
            counts.stale,
            time.monotonic() - began,
        )
        self._listener.on_written(piece, written)

    def _writer(self, fitted: Fitted) -> Writer:
        if self._opened is None or self._opened[0] is not fitted:
            writer = fitted.open_writer(self.number, self._listener.on_rejected)
            self._opened = fitted, writer
        return self._opened[1]

    def _cancel(self) -> None:
        opened = self._opened
        if opened is not None:
            opened[1].cancel()

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened[1].close()
