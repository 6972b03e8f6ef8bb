"""Takes the items of one load to its loader: collects, hands over, waits for room."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from scrapy.exceptions import DropItem
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred

from propload.messages.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.utils.asyncio import CallLaterResult

    from propload.batch import Batch
    from propload.report import Report
    from propload.sources.spiders.loop import CrawlLoop
    from propload.sources.spiders.rows import FlushOptions, ItemRows

log = logging.getLogger(__name__)

#: The reason for dropping an item that came after the load had failed.
NOT_LOADED = "the load has failed"


class BatchLoader(Protocol):
    """The interface of a loader of batches, as a crawl needs it."""

    @property
    def failed(self) -> BaseException | None:
        """The error that ended the load early, or None."""

    def try_put(self, batch: Batch) -> bool:
        """Take a batch if there is room, without waiting; return whether taken."""

    def keep(self, batch: Batch) -> None:
        """Store on disk a batch that came after the load had failed."""

    def on_room(self, listener: Callable[[], None]) -> None:
        """Call `listener`, from any thread, when there is room again."""

    def on_failed(self, listener: Callable[[BaseException], None]) -> None:
        """Call `listener`, from any thread, with what made the load fail."""

    def close(self, *, whole: bool) -> Report | None:
        """Return the report once every batch is committed.

        Args:
            whole: Whether all rows have come; if not, no table is replaced.
        """

    def abort(self, error: BaseException) -> None:
        """End the load immediately, with an error."""


def not_loaded_error() -> DropItem:
    """Return the exception that drops an item which came after the load had failed."""
    # a line in the log for each of thousands of waiting items would bury the cause
    return DropItem(NOT_LOADED, log_level="DEBUG")


@dataclass(slots=True)
class FeedCounts:
    """What a feed has done so far.

    Attributes:
        items: Items that came.
        batches: Batches that were handed over.
        kept: Items that were stored on disk after a failure.
        lost: Items that were neither loaded nor stored after a failure.
        waits: How often items had to wait for room.
        wait_seconds: For how many seconds in all items had to wait.
    """

    items: int = 0
    batches: int = 0
    kept: int = 0
    lost: int = 0
    waits: int = 0
    wait_seconds: float = 0.0


class Feed:
    """Takes items of a crawl to a loader; its methods run in the crawl's loop.

    If the loader is full, `put` waits, which slows the crawl down: Scrapy requests no
    further pages while the items of many are in process. It waits for room, never for
    the commit of a certain batch, which might itself wait for later items.

    Args:
        loader: The loader that gets the batches.
        rows: Builds batches from items.
        flush: When rows that are too few for a batch are handed over.
        loop: The crawl's loop.
        on_failed: Called in the loop when the load has failed.
    """

    def __init__(
        self,
        loader: BatchLoader,
        rows: ItemRows,
        flush: FlushOptions,
        loop: CrawlLoop,
        *,
        on_failed: Callable[[BaseException], None],
    ) -> None:
        self.counts = FeedCounts()
        self.error: BaseException | None = None
        #: Why items that come after a failure cannot be stored on disk, or None.
        self.storage_error: BaseException | None = None
        self._loader = loader
        self._rows = rows
        self._flush = flush
        self._loop = loop
        self._on_failed = on_failed
        self._outbox: deque[Batch] = deque()
        self._waiting: list[Deferred[None]] = []
        #: Items that wait until the rows collected with them are handed over.
        self._collected: list[Deferred[None]] = []
        self._wait_began = 0.0
        self._timer: CallLaterResult | None = None
        #: Hands over what was collected if the program ends without closing the feed.
        self._unclosed = weakref.finalize(
            self, _hand_over_unclosed, loader, rows, self._outbox, os.getpid()
        )
        if not getattr(loader, "outlives_program", True):
            # such a loader saves nothing, and its reader reports how the crawl ended
            self._unclosed.detach()
        loader.on_room(self._on_room)
        loader.on_failed(self._on_failure)

    async def put(self, item: object) -> bool:
        """Take an item, wait for room for another, and return whether it had to wait.

        By then the item is handed over, unless rows are collected for some seconds.

        Raises:
            DropItem: The load has failed, and the item cannot be stored on disk either.
        """
        self.counts.items += 1
        if self.storage_error is not None:
            self.counts.lost += 1
            raise not_loaded_error()
        if self._rows.add(item):
            self.flush()
        elif self._timer is None:
            self._timer = call_later(self._flush.seconds, self.flush)
        waits = self._flush.seconds == 0 and bool(len(self._rows))
        if waits:
            await self._wait_for_handover()
        if self._outbox:
            waits = True
            await self._wait_for_room()
        if self.storage_error is not None:
            raise not_loaded_error()
        return waits

    async def wait_for_room(self) -> None:
        """Return when there is room for another item, or the load has failed."""
        while self._outbox:
            await self._wait_for_room()

    def flush(self) -> None:
        """Hand over the rows collected so far, however few they are."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not len(self._rows):
            return
        self._hand_over()
        waiting, self._collected = self._collected, []
        for item in waiting:
            item.callback(None)

    async def close(self, *, whole: bool) -> Report | None:
        """Return the report once every item is committed or the load has failed.

        Args:
            whole: Whether the crawl brought all rows.
        """
        self.flush()
        await self.wait_for_room()
        self._unclosed.detach()
        close = partial(self._close_loader, whole=whole)
        try:
            return await self._loop.run_outside(close)
        except Exception as error:  # noqa: BLE001 - becomes the crawl's outcome
            self.fail(error)
            return getattr(error, "report", None)

    def fail(self, error: BaseException) -> None:
        """End all waits; items that waited and later ones are stored on disk."""
        if self.error is not None:
            return
        self.error = error
        self._store_outbox()
        self._wake()
        self._on_failed(error)

    def _hand_over(self) -> None:
        collected = len(self._rows)
        try:
            self._outbox.extend(self._rows.take())
        except Exception as error:  # noqa: BLE001 - rows would be lost silently
            self._note_lost(collected, error)
            self.fail(error)
            return
        if self.error is None:
            self._push()
        else:
            self._store_outbox()

    async def _wait_for_handover(self) -> None:
        """Return once the rows collected so far are handed over, or in the outbox."""
        item: Deferred[None] = Deferred()
        self._collected.append(item)
        await maybe_deferred_to_future(item)

    def _close_loader(self, *, whole: bool) -> Report | None:
        if self.error is not None and self._loader.failed is None:
            self._loader.abort(self.error)
        # items that came after a failure are in another journal, or in none
        return self._loader.close(whole=whole and self.error is None)

    def _store_outbox(self) -> None:
        while self._outbox:
            batch = self._outbox.popleft()
            try:
                self._loader.keep(batch)
            except Exception as error:  # noqa: BLE001 - logged as the crawl ends
                # a loader that has not failed stores nothing: its disk was the cause
                disk = self.error if self._loader.failed is None else None
                self._note_lost(batch.height, disk or error)
            else:
                self.counts.kept += batch.height

    def _note_lost(self, rows: int, error: BaseException) -> None:
        self.counts.lost += rows
        self.storage_error = self.storage_error or error

    def _on_room(self) -> None:
        # called in any thread; a batch is put into the outbox before it is offered, so
        # that room which comes after a refusal is never missed
        if self._outbox:
            self._loop.call(self._push)

    def _on_failure(self, error: BaseException) -> None:
        self._loop.call(partial(self.fail, error))

    def _push(self) -> None:
        try:
            while self._outbox and self._loader.try_put(self._outbox[0]):
                self._outbox.popleft()
                self.counts.batches += 1
        except Exception as error:  # noqa: BLE001 - rows would be lost silently
            self.fail(self._loader.failed or error)
        if not self._outbox:
            self._wake()

    async def _wait_for_room(self) -> None:
        if not self._waiting:
            self.counts.waits += 1
            self._wait_began = time.monotonic()
        turn: Deferred[None] = Deferred()
        self._waiting.append(turn)
        await maybe_deferred_to_future(turn)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.counts.wait_seconds += time.monotonic() - self._wait_began
        for turn in waiting:
            turn.callback(None)


def _hand_over_unclosed(
    loader: BatchLoader, rows: ItemRows, outbox: deque[Batch], process: int
) -> None:
    """Hand over what a crawl had collected when it was ended immediately, and log it.

    Args:
        loader: The loader that gets the batches.
        rows: The rows that were being collected.
        outbox: The batches that waited for room.
        process: The id of the process that crawled: a fork has nothing to hand over.
    """
    remaining = len(rows) + sum(batch.height for batch in outbox)
    if os.getpid() != process or not remaining:
        return
    collected = counted(remaining, "item was", "items were")
    message = f"the crawl was ended immediately while {collected} still collected"
    reason = "there is no room"
    try:
        outbox.extend(rows.take())
        while outbox and _offer(loader, outbox[0]):
            remaining -= outbox.popleft().height
    except Exception as error:  # noqa: BLE001 - the program ends
        reason = str(error)
    if remaining:
        lost = counted(remaining, "of them is lost", "of them are lost")
        log.error("%s: %s (%s), crawl again what they come from", message, lost, reason)
    else:
        log.warning("%s: all are handed over now", message)


def _offer(loader: BatchLoader, batch: Batch) -> bool:
    if loader.failed is None:
        return loader.try_put(batch)
    loader.keep(batch)
    return True
