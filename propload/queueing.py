"""A queue in memory, bounded by count and bytes, that never strands a side.

Producers wait when it is full, subscribers when it is empty. Closing it drains
what is queued; closing it with an error wakes both sides at once with that error.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Generic, ParamSpec, Protocol, TypeVar

from propload.arguments import require_function
from propload.errors import QueueClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


log = logging.getLogger(__name__)


class Weighed(Protocol):
    """Anything that knows its bytes in memory."""

    @property
    def nbytes(self) -> int:
        """The bytes that it holds."""


T = TypeVar("T", bound=Weighed)
P = ParamSpec("P")


class Listeners(Generic[P]):
    """Who is told of something, from the thread that knows of it.

    What one of them raises is its own: it is logged, and no work ends by it.
    """

    def __init__(self) -> None:
        self._all: tuple[Callable[P, object], ...] = ()

    def add(self, listener: Callable[P, object], /) -> None:
        """Tell `listener` as well, after the others.

        Raises:
            ConfigError: It cannot be called.
        """
        require_function("listener", listener)
        self._all = (*self._all, listener)

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell all; call it without a lock that a listener may want."""
        for listener in self._all:
            try:
                listener(*args, **kwargs)
            except Exception:
                log.exception("the listener %r raised an error", listener)


class Subscription(Generic[T]):
    """One subscriber's view of a queue: every entry put since it subscribed."""

    def __init__(self, queue: BatchQueue[T]) -> None:
        self._queue = queue
        self._entries: deque[tuple[int, T]] = deque()

    def get(self, *, timeout: float | None = None) -> T | None:
        """Return the next entry, or None where the queue is closed and drained.

        Args:
            timeout: Seconds to wait; None waits until the queue is closed.

        Raises:
            TimeoutError: Nothing came in time.
            QueueClosedError: The queue was closed with an error.
        """
        return self._queue._take(self, timeout)  # noqa: SLF001 - one subject, two classes

    def __iter__(self) -> Iterator[T]:
        while (entry := self.get()) is not None:
            yield entry


class BatchQueue(Generic[T]):
    """A bounded queue of batches (or lane pieces) between threads.

    Several producers may put; each subscriber sees every entry. An entry counts
    against the bounds until the slowest subscriber has taken it. An entry larger
    than `max_bytes` is admitted when the queue is empty: it must go somewhere.

    Args:
        max_entries: Most entries held.
        max_bytes: Most bytes held.
    """

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._subscribers: list[Subscription[T]] = []
        self._tickets = count()
        self._waiting: dict[int, tuple[int, int]] = {}
        self._bytes = 0
        self._closed = False
        self._error: BaseException | None = None
        self._room: Listeners[[]] = Listeners()

    def subscribe(self) -> Subscription[T]:
        """Return a subscription to every entry put from now on."""
        with self._changed:
            subscription: Subscription[T] = Subscription(self)
            self._subscribers.append(subscription)
            return subscription

    def put(self, entry: T, *, timeout: float | None = None) -> None:
        """Add an entry, waiting for room.

        Args:
            entry: What to add.
            timeout: Seconds to wait; None waits until there is room or the
                queue is closed.

        Raises:
            TimeoutError: There was no room in time; the entry was not added.
            QueueClosedError: The queue is closed.
        """
        with self._changed:
            if not self._wait(lambda: self._has_room(entry), timeout):
                msg = f"no room in the queue within {timeout} s"
                raise TimeoutError(msg)
            self._add(entry)

    def try_put(self, entry: T) -> bool:
        """Add an entry if there is room now; return whether it was added.

        Raises:
            QueueClosedError: The queue is closed.
        """
        with self._changed:
            self._raise_if_closed()
            if not self._has_room(entry):
                return False
            self._add(entry)
            return True

    def close(self, error: BaseException | None = None) -> None:
        """End the queue: drained without an error, dropped at once with one.

        The first error wins; a second close is without effect.
        """
        with self._changed:
            if error is not None and self._error is None:
                self._error = error
                for subscription in self._subscribers:
                    subscription._entries.clear()  # noqa: SLF001 - one subject
                self._waiting.clear()
                self._bytes = 0
            self._closed = True
            self._changed.notify_all()
        self._room.tell()

    def on_room(self, listener: Callable[[], None]) -> None:
        """Call `listener` (briefly, from any thread) when room came or it closed."""
        with self._changed:
            self._room.add(listener)

    @property
    def fill(self) -> float:
        """How full the queue is, 0 to 1, by the tighter of its bounds."""
        with self._changed:
            return max(
                len(self._waiting) / self._max_entries, self._bytes / self._max_bytes
            )

    def __len__(self) -> int:
        with self._changed:
            return len(self._waiting)

    def _has_room(self, entry: T) -> bool:
        if not self._waiting:
            return True
        return (
            len(self._waiting) < self._max_entries
            and self._bytes + entry.nbytes <= self._max_bytes
        )

    def _add(self, entry: T) -> None:
        size = entry.nbytes
        if not self._subscribers:
            msg = "nobody subscribed to this queue, so the entry would be lost"
            raise QueueClosedError(msg)
        ticket = next(self._tickets)
        self._waiting[ticket] = (len(self._subscribers), size)
        self._bytes += size
        for subscription in self._subscribers:
            subscription._entries.append((ticket, entry))  # noqa: SLF001 - one subject
        self._changed.notify_all()

    def _take(self, subscription: Subscription[T], timeout: float | None) -> T | None:
        entries = subscription._entries  # noqa: SLF001 - one subject
        with self._changed:
            if not self._wait(lambda: bool(entries), timeout, drain=True):
                msg = f"nothing came within {timeout} s"
                raise TimeoutError(msg)
            if not entries:
                return None
            ticket, entry = entries.popleft()
            freed = self._release(ticket)
        if freed:
            self._room.tell()
        return entry

    def _release(self, ticket: int) -> bool:
        left, size = self._waiting[ticket]
        if left > 1:
            self._waiting[ticket] = (left - 1, size)
            return False
        del self._waiting[ticket]
        self._bytes -= size
        self._changed.notify_all()
        return True

    def _wait(
        self, ready: Callable[[], bool], timeout: float | None, *, drain: bool = False
    ) -> bool:
        """Wait until ready; False when time is up, an error when it was closed."""

        def is_over() -> bool:
            if not (drain and self._error is None):
                self._raise_if_closed()
            return ready() or (drain and self._closed)

        return self._changed.wait_for(is_over, timeout)

    def _raise_if_closed(self) -> None:
        if self._error is not None:
            msg = f"the other side of the queue stopped: {self._error}"
            raise QueueClosedError(msg) from self._error
        if self._closed:
            msg = "the queue is closed: nothing more may be put"
            raise QueueClosedError(msg)
