"""Watches the process's memory, so that a run slows down before it grows too large."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import psutil

from propload.messages.wording import counted
from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.monitoring.metrics import Metrics

#: Seconds between two looks: a batch takes longer than this to double anything.
LOOK_SECONDS = 0.2
#: Past this part of the limit batches shrink and the reader slows.
PRESSURE_FROM = 0.8
#: A run that cannot get below the limit goes on after so many seconds: what it
#: holds may not be its own, and a wait without end would be worse.
LONGEST_PAUSE = 5.0
#: What the process held before the run is the program's own (a notebook's frames):
#: beside that the run has at least this part of the limit to itself.
OWN_SHARE = 0.5
#: A batch that is worked on, with those that wait and are sent beside it, was seen to
#: take up to ten times its bytes: less than what is free when the run begins.
BATCH_SHARE = 1 / 12
#: After a pause in vain the next one begins this much higher.
STEP = 1.1


class MemoryWatch:
    """Measures resident memory in a thread, and holds back readers when it is high.

    Args:
        max_bytes: The limit; it is raised where the process is near it, or beyond
            it, before the run begins, and where a run cannot get below it. `note`
            tells so.
        metrics: Told each measurement.
        measure: Returns the resident bytes; the process's own by default.
    """

    def __init__(
        self,
        max_bytes: int,
        metrics: Metrics,
        *,
        measure: Callable[[], int] | None = None,
    ) -> None:
        self._told_bytes = self._max_bytes = max_bytes
        self._held_before = 0
        self._metrics = metrics
        self._measure = measure or _resident_bytes
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self.peak_bytes = 0
        self._now = 0
        self._thread = threading.Thread(
            target=self._watch, name="propload-memory", daemon=True
        )

    def __enter__(self) -> Self:
        self._held_before = self.look()
        fitting = int(self._held_before / PRESSURE_FROM + self._told_bytes * OWN_SHARE)
        self._max_bytes = max(self._told_bytes, fitting)
        start_thread(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        self.look()

    @property
    def note(self) -> str:
        """Why the limit was raised, and to what; empty where it was not."""
        if self._max_bytes == self._told_bytes:
            return ""
        return (
            f"max_memory was raised from {_megabytes(self._told_bytes)} to "
            f"{_megabytes(self._max_bytes)}: the process held "
            f"{_megabytes(self._held_before)} before the first row, and "
            f"{_megabytes(self.peak_bytes)} at most"
        )

    @property
    def pressure(self) -> float:
        """0 below 80 % of the limit, 1 at the limit and above, even between."""
        share = self._now / self._max_bytes
        return min(1.0, max(0.0, (share - PRESSURE_FROM) / (1 - PRESSURE_FROM)))

    def look(self) -> int:
        """Measure now; return the resident bytes."""
        try:
            now = self._measure()
        except OSError:
            # the program has as many open files as it may: the last look holds
            now = self._now
        with self._changed:
            self._now = now
            self.peak_bytes = max(self.peak_bytes, now)
            self._changed.notify_all()
        self._metrics.set_memory(now)
        return now

    def hold_back(self) -> None:
        """Return at once below the limit; else when memory has fallen under it."""
        if self._now < self._max_bytes:
            return
        self._metrics.set_activity("memory is at its limit: waiting before reading on")
        with self._changed:
            helped = self._changed.wait_for(
                lambda: self._now < self._max_bytes or self._ended.is_set(),
                LONGEST_PAUSE,
            )
            if not helped:
                # it does not fall: waiting at each batch would only take time
                self._max_bytes = int(self._now * STEP)
        self._metrics.set_activity("")

    def fitting(self, most: int) -> int:
        """Return how many of so many rows or bytes a batch should hold now."""
        # at the limit an eighth: small enough to fall, large enough to get on
        return max(1, int(most * (1 - 0.875 * self.pressure)))

    def batch_bytes(self, most: int) -> int:
        """Return how many bytes a batch may have in a run that holds nothing else yet.

        Args:
            most: What it may have wherever there is memory enough.
        """
        free = self._max_bytes - self._held_before
        return max(1, min(most, int(free * BATCH_SHARE)))

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self.look()


def _megabytes(size: int) -> str:
    # a limit without its unit is seen for what it is
    return counted(size, "byte") if size < 1 << 20 else f"{size / (1 << 20):,.0f} MB"


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
