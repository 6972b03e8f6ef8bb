"""The way of one kind of item into one table: collect, hand over, wait for room."""

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

#: Why an item is dropped that came after the load had failed.
NOT_LOADED = "the load has failed"


class BatchLoader(Protocol):
    """What takes batches and loads them, from the point of view of a crawl."""

    @property
    def failed(self) -> BaseException | None:
        """Why the load ended early, or None."""

    def try_put(self, batch: Batch) -> bool:
        """Take a batch if there is room, without waiting; return whether taken."""

    def keep(self, batch: Batch) -> None:
        """Put a batch on disk that came after the load had failed."""

    def on_room(self, listener: Callable[[], None]) -> None:
        """Call `listener`, from any thread, when there is room again."""

    def on_failed(self, listener: Callable[[BaseException], None]) -> None:
        """Call `listener`, from any thread, with what made the load fail."""

    def close(self, *, whole: bool) -> Report | None:
        """Return when every batch is committed; a part replaces no table."""

    def abort(self, error: BaseException) -> None:
        """End now."""


def not_loaded() -> DropItem:
    """Return what an item is dropped with that came after the load had failed."""
    # one line for each of thousands of waiting items would bury the cause
    return DropItem(NOT_LOADED, log_level="DEBUG")


@dataclass(slots=True)
class FeedCounts:
    """What a feed did so far.

    Attributes:
        items: Items that came.
        batches: Batches that were handed over.
        kept: Items that came after a failure and are on disk.
        lost: Items that came after a failure and are nowhere.
        waits: How often items had to wait for room.
        wait_seconds: How long.
    """

    items: int = 0
    batches: int = 0
    kept: int = 0
    lost: int = 0
    waits: int = 0
    wait_seconds: float = 0.0


class Feed:
    """Items of a crawl on their way to a loader; it lives in the crawl's loop.

    A full loader makes `put` wait, and so the crawl slows down: Scrapy asks for no
    more pages while the items of many are in process. What is waited for is room,
    never the commit of a certain batch, which could wait for later items.

    Args:
        loader: Where batches go.
        rows: Makes batches of items.
        flush: When rows go on that are too few for a batch.
        loop: The crawl's loop.
        on_failed: Told, in the loop, when the load has failed.
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
        #: Why what comes after a failure cannot be kept, or None.
        self.unkept: BaseException | None = None
        self._loader = loader
        self._rows = rows
        self._flush = flush
        self._loop = loop
        self._on_failed = on_failed
        self._outbox: deque[Batch] = deque()
        self._waiting: list[Deferred[None]] = []
        #: Items that wait until what they were collected with is handed over.
        self._collected: list[Deferred[None]] = []
        self._wait_began = 0.0
        self._timer: CallLaterResult | None = None
        #: Sees to what was collected where the program ends and nobody closes this.
        self._unclosed = weakref.finalize(
            self, _hand_over_unclosed, loader, rows, self._outbox, os.getpid()
        )
        if not getattr(loader, "outlives_program", True):
            # nothing is saved there, and whoever reads it tells how that ended
            self._unclosed.detach()
        loader.on_room(self._hear_room)
        loader.on_failed(self._hear_failure)

    async def put(self, item: object) -> bool:
        """Take an item; return, when there is room for more, whether that took a while.

        It is in the loader's hands then, unless items are to be collected for a while.

        Raises:
            DropItem: The load has failed, and the item cannot be kept either.
        """
        self.counts.items += 1
        if self.unkept is not None:
            self.counts.lost += 1
            raise not_loaded()
        if self._rows.add(item):
            self.flush()
        elif self._timer is None:
            self._timer = call_later(self._flush.seconds, self.flush)
        waits = self._flush.seconds == 0 and bool(len(self._rows))
        if waits:
            await self._handed_over()
        if self._outbox:
            waits = True
            await self._room()
        if self.unkept is not None:
            raise not_loaded()
        return waits

    async def room(self) -> None:
        """Return when there is room for another item, or the load has failed."""
        while self._outbox:
            await self._room()

    def flush(self) -> None:
        """Hand over what was collected, however little it is."""
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
        """Return the report when every item is committed, or the load has failed.

        Args:
            whole: Whether the crawl gave all that it was to give.
        """
        self.flush()
        await self.room()
        self._unclosed.detach()
        close = partial(self._close_loader, whole=whole)
        try:
            return await self._loop.run_outside(close)
        except Exception as error:  # noqa: BLE001 - becomes the crawl's outcome
            self.fail(error)
            return getattr(error, "report", None)

    def fail(self, error: BaseException) -> None:
        """Let nobody wait any more; what came and what still comes is kept on disk."""
        if self.error is not None:
            return
        self.error = error
        self._keep()
        self._wake()
        self._on_failed(error)

    def _hand_over(self) -> None:
        collected = len(self._rows)
        try:
            self._outbox.extend(self._rows.take())
        except Exception as error:  # noqa: BLE001 - rows would be lost unseen
            self._lose(collected, error)
            self.fail(error)
            return
        if self.error is None:
            self._push()
        else:
            self._keep()

    async def _handed_over(self) -> None:
        """Return when what was collected is with the loader, or waits for room."""
        item: Deferred[None] = Deferred()
        self._collected.append(item)
        await maybe_deferred_to_future(item)

    def _close_loader(self, *, whole: bool) -> Report | None:
        if self.error is not None and self._loader.failed is None:
            self._loader.abort(self.error)
        # items that came after a failure are in another journal, or in none
        return self._loader.close(whole=whole and self.error is None)

    def _keep(self) -> None:
        while self._outbox:
            batch = self._outbox.popleft()
            try:
                self._loader.keep(batch)
            except Exception as error:  # noqa: BLE001 - told when the crawl has ended
                # a loader that has not failed takes nothing here: its disk refused
                disk = self.error if self._loader.failed is None else None
                self._lose(batch.height, disk or error)
            else:
                self.counts.kept += batch.height

    def _lose(self, rows: int, error: BaseException) -> None:
        self.counts.lost += rows
        self.unkept = self.unkept or error

    def _hear_room(self) -> None:
        # any thread; a batch stands in the outbox before it is offered, so that
        # room that comes after a refusal is always heard
        if self._outbox:
            self._loop.call(self._push)

    def _hear_failure(self, error: BaseException) -> None:
        self._loop.call(partial(self.fail, error))

    def _push(self) -> None:
        try:
            while self._outbox and self._loader.try_put(self._outbox[0]):
                self._outbox.popleft()
                self.counts.batches += 1
        except Exception as error:  # noqa: BLE001 - rows would be lost unseen
            self.fail(self._loader.failed or error)
        if not self._outbox:
            self._wake()

    async def _room(self) -> None:
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
    """Put on disk what a crawl had collected that was ended at once, and tell of it.

    Args:
        loader: Where batches go.
        rows: What was being collected.
        outbox: What waited for room.
        process: The one that crawled; a fork of that has nothing to hand over.
    """
    left = len(rows) + sum(batch.height for batch in outbox)
    if os.getpid() != process or not left:
        return
    collected = counted(left, "item was", "items were")
    told = f"the crawl was ended immediately while {collected} still collected"
    why = "there is no room"
    try:
        outbox.extend(rows.take())
        while outbox and _takes(loader, outbox[0]):
            left -= outbox.popleft().height
    except Exception as error:  # noqa: BLE001 - the program ends
        why = str(error)
    if left:
        lost = counted(left, "of them is lost", "of them are lost")
        log.error("%s: %s (%s), crawl again what they come from", told, lost, why)
    else:
        log.warning("%s: all are handed over now", told)


def _takes(loader: BatchLoader, batch: Batch) -> bool:
    if loader.failed is None:
        return loader.try_put(batch)
    loader.keep(batch)
    return True
