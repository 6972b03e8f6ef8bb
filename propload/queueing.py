"""A queue in memory, bounded by entries and bytes, that never leaves a side waiting.

Producers wait when it is full, subscribers when it is empty. After `close()`,
subscribers drain what is queued; `close(error)` wakes both sides with that error.
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


class HasSize(Protocol):
    """Anything that knows its size in memory."""

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""


T = TypeVar("T", bound=HasSize)
P = ParamSpec("P")


class Listeners(Generic[P]):
    """Callbacks for an event; they are called in the thread in which it occurs.

    An error that a listener raises is logged; it ends neither the caller's work nor the
    calls of the others.
    """

    def __init__(self) -> None:
        self._all: tuple[Callable[P, object], ...] = ()

    def add(self, listener: Callable[P, object], /) -> None:
        """Add a listener, to be called after the others.

        Raises:
            ConfigError: It cannot be called.
        """
        require_function("listener", listener)
        self._all = (*self._all, listener)

    def notify(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all listeners; hold no lock meanwhile that a listener may need."""
        for listener in self._all:
            try:
                listener(*args, **kwargs)
            except Exception:
                log.exception("the listener %r raised an error", listener)


class Subscription(Generic[T]):
    """One subscriber's view of a queue: all entries that are put once it exists."""

    def __init__(self, queue: BatchQueue[T]) -> None:
        self._queue = queue
        self._entries: deque[tuple[int, T]] = deque()

    def get(self, *, timeout: float | None = None) -> T | None:
        """Return the next entry, or None if the queue is closed and drained.

        Args:
            timeout: Seconds to wait; None waits until the queue is closed.

        Raises:
            TimeoutError: Nothing came in time.
            QueueClosedError: The queue was closed with an error.
        """
        return self._queue._take(self, timeout)  # noqa: SLF001 - the two classes work as one

    def __iter__(self) -> Iterator[T]:
        while (entry := self.get()) is not None:
            yield entry


class BatchQueue(Generic[T]):
    """A bounded queue of batches (or lane pieces) between threads.

    Several producers may put; each subscriber sees every entry. An entry counts
    against the bounds until the slowest subscriber has taken it. An entry larger
    than `max_bytes` is admitted when the queue is empty, or it could never pass.

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
        self._undelivered: dict[int, tuple[int, int]] = {}
        self._bytes = 0
        self._closed = False
        self._error: BaseException | None = None
        self._room_listeners: Listeners[[]] = Listeners()

    def subscribe(self) -> Subscription[T]:
        """Return a subscription to all entries put from now on."""
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
        """Close the queue; what is queued is still delivered, unless there is an error.

        An error discards what is queued, also if the queue was already closed without
        one. Only the first error counts.
        """
        with self._changed:
            if error is not None and self._error is None:
                self._error = error
                for subscription in self._subscribers:
                    subscription._entries.clear()  # noqa: SLF001 - the two classes work as one
                self._undelivered.clear()
                self._bytes = 0
            self._closed = True
            self._changed.notify_all()
        self._room_listeners.notify()

    def on_room(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when there is room, or when the queue is closed.

        It may be called from any thread, and must be brief.
        """
        with self._changed:
            self._room_listeners.add(listener)

    @property
    def fill(self) -> float:
        """How full the queue is, 0 to 1, by the bound that is nearer."""
        with self._changed:
            return max(
                len(self._undelivered) / self._max_entries,
                self._bytes / self._max_bytes,
            )

    def __len__(self) -> int:
        with self._changed:
            return len(self._undelivered)

    def _has_room(self, entry: T) -> bool:
        if not self._undelivered:
            return True
        return (
            len(self._undelivered) < self._max_entries
            and self._bytes + entry.nbytes <= self._max_bytes
        )

    def _add(self, entry: T) -> None:
        size = entry.nbytes
        if not self._subscribers:
            msg = "nobody subscribed to this queue, so the entry would be lost"
            raise QueueClosedError(msg)
        ticket = next(self._tickets)
        self._undelivered[ticket] = (len(self._subscribers), size)
        self._bytes += size
        for subscription in self._subscribers:
            subscription._entries.append((ticket, entry))  # noqa: SLF001 - the two classes work as one
        self._changed.notify_all()

    def _take(self, subscription: Subscription[T], timeout: float | None) -> T | None:
        entries = subscription._entries  # noqa: SLF001 - the two classes work as one
        with self._changed:
            if not self._wait(lambda: bool(entries), timeout, drain=True):
                msg = f"nothing came within {timeout} s"
                raise TimeoutError(msg)
            if not entries:
                return None
            ticket, entry = entries.popleft()
            freed = self._release(ticket)
        if freed:
            self._room_listeners.notify()
        return entry

    def _release(self, ticket: int) -> bool:
        remaining, size = self._undelivered[ticket]
        if remaining > 1:
            self._undelivered[ticket] = (remaining - 1, size)
            return False
        del self._undelivered[ticket]
        self._bytes -= size
        self._changed.notify_all()
        return True

    def _wait(
        self, ready: Callable[[], bool], timeout: float | None, *, drain: bool = False
    ) -> bool:
        """Wait until `ready()`; return False if time is up before.

        Args:
            ready: Tells whether the wait is over; called with the lock held.
            timeout: Seconds to wait, or None.
            drain: Whether a queue closed without an error ends the wait instead of
                raising.

        Raises:
            QueueClosedError: The queue was closed.
        """

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
