"""The event loop of a crawl: calling into it from other threads, and out of it.

Scrapy runs on asyncio with a Twisted reactor, on asyncio alone, or on another
reactor; this module works with all three.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from scrapy.utils.asyncio import is_asyncio_available
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class CrawlLoop:
    """The event loop in which this is created; other threads call into it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop() if is_asyncio_available() else None

    def call(self, function: Callable[[], object]) -> None:
        """Run a function in the loop, soon; from any thread."""
        if self._loop is None:
            from twisted.internet import (  # noqa: PLC0415 - the import installs it
                reactor,
            )

            reactor.callFromThread(function)
            return
        # raised if the crawl has ended and its loop is closed: nothing waits for this
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    async def run_outside(self, function: Callable[[], T]) -> T:
        """Run a function that may block in a thread of its own, and return its result.

        The thread is a daemon, so that a second SIGTERM ends the process immediately;
        Python would wait for a thread of a pool.
        """
        done: Deferred[T] = Deferred()

        def work() -> None:
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                failure = Failure(error)  # type: ignore[no-untyped-call] # Twisted: untyped
                self.call(partial(done.errback, failure))
            else:
                self.call(partial(done.callback, result))

        start_thread(
            threading.Thread(target=work, name="propload-outside", daemon=True)
        )
        return await maybe_deferred_to_future(done)
