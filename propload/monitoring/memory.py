"""Watches the process's memory, to slow a run down before it uses too much."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import psutil

from propload.messages.wording import counted
from propload.process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.monitoring.metrics import Metrics

#: Seconds between two measurements; no batch can double the memory in a shorter time.
MEASURE_SECONDS = 0.2
#: Above this fraction of the limit, batches shrink.
PRESSURE_FROM = 0.8
#: A run that cannot get below the limit continues after this many seconds: the memory
#: may be the program's own, and to wait forever would be worse.
LONGEST_PAUSE = 5.0
#: Memory in use before the run belongs to the program (such as a notebook's frames); in
#: addition to that, the run has at least this fraction of the limit.
OWN_SHARE = 0.5
#: Most bytes of a batch as a fraction of the memory that is free when the run begins. A
#: batch in preparation, with those that are queued and sent meanwhile, was measured to
#: take up to ten times its bytes.
BATCH_SHARE = 1 / 12
#: After a pause that did not help, the limit is the memory in use times this.
STEP = 1.1


class MemoryWatch:
    """Measures resident memory in a thread, and makes readers wait at the limit.

    Args:
        max_bytes: The limit. It is raised if the process is near or above it before
            the run begins, or if the run cannot get below it; see `note`.
        metrics: Receives each measurement.
        resident_bytes: Returns the resident bytes; by default those of this process.
    """

    def __init__(
        self,
        max_bytes: int,
        metrics: Metrics,
        *,
        resident_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._configured_bytes = self._max_bytes = max_bytes
        self._bytes_before = 0
        self._metrics = metrics
        self._resident_bytes = resident_bytes or _resident_bytes
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self.peak_bytes = 0
        self._now = 0
        self._thread = threading.Thread(
            target=self._watch, name="propload-memory", daemon=True
        )

    def __enter__(self) -> Self:
        self._bytes_before = self.measure()
        raised = int(
            self._bytes_before / PRESSURE_FROM + self._configured_bytes * OWN_SHARE
        )
        self._max_bytes = max(self._configured_bytes, raised)
        start_thread(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        self.measure()

    @property
    def note(self) -> str:
        """Why the limit was raised, and to what; empty if it was not."""
        if self._max_bytes == self._configured_bytes:
            return ""
        return (
            f"max_memory was raised from {_megabytes(self._configured_bytes)} to "
            f"{_megabytes(self._max_bytes)}: the process held "
            f"{_megabytes(self._bytes_before)} before the first row, and "
            f"{_megabytes(self.peak_bytes)} at most"
        )

    @property
    def pressure(self) -> float:
        """0 up to 80 % of the limit, 1 from the limit on, and linear in between."""
        share = self._now / self._max_bytes
        return min(1.0, max(0.0, (share - PRESSURE_FROM) / (1 - PRESSURE_FROM)))

    def measure(self) -> int:
        """Measure the memory now, and return the resident bytes."""
        try:
            now = self._resident_bytes()
        except OSError:
            # too many open files in the program: keep the last measurement
            now = self._now
        with self._changed:
            self._now = now
            self.peak_bytes = max(self.peak_bytes, now)
            self._changed.notify_all()
        self._metrics.set_memory(now)
        return now

    def wait_below_limit(self) -> None:
        """Wait until memory is below the limit, but not longer than `LONGEST_PAUSE`."""
        if self._now < self._max_bytes:
            return
        self._metrics.set_activity("memory is at its limit: waiting before reading on")
        with self._changed:
            helped = self._changed.wait_for(
                lambda: self._now < self._max_bytes or self._ended.is_set(),
                LONGEST_PAUSE,
            )
            if not helped:
                # memory does not fall: waiting before each batch would only cost time
                self._max_bytes = int(self._now * STEP)
        self._metrics.set_activity("")

    def scaled(self, most: int) -> int:
        """Return `most` rows or bytes of a batch, reduced by the memory pressure."""
        # at the limit an eighth: small enough for memory to fall, and still progress
        return max(1, int(most * (1 - 0.875 * self.pressure)))

    def batch_bytes(self, most: int) -> int:
        """Return the most bytes of a batch, by the memory free when the run began.

        Args:
            most: The most bytes if there is enough memory.
        """
        free = self._max_bytes - self._bytes_before
        return max(1, min(most, int(free * BATCH_SHARE)))

    def _watch(self) -> None:
        while not self._ended.wait(MEASURE_SECONDS):
            self.measure()


def _megabytes(size: int) -> str:
    # in bytes if small: shows that a limit was given without a unit
    return counted(size, "byte") if size < 1 << 20 else f"{size / (1 << 20):,.0f} MB"


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)
