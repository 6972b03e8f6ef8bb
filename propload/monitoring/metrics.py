"""Counters of runs that any thread may update and any thread may read."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from propload.errors import ConfigError
from propload.messages.wording import with_article
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Fill:
    """How full the queue and the lanes are, each 0 to 1."""

    queue: float = 0.0
    lanes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a run at one moment.

    Attributes:
        counts: Rows so far; those in flight are read but not yet accounted for.
        seconds: How long the run has taken so far, or took until its end.
        batches: Prepared batches.
        retries: Transactions that were retried.
        fill: How full the queue and the lanes are.
        memory_bytes: The process's resident size, 0 before it was measured.
        activity: What the run is waiting for, or empty.
    """

    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    batches: int = 0
    retries: int = 0
    fill: Fill = field(default_factory=Fill)
    memory_bytes: int = 0
    activity: str = ""

    @property
    def rows_per_second(self) -> float:
        """Rows per second whose outcome is known."""
        return self.counts.accounted / self.seconds if self.seconds else 0.0


class Metrics:
    """The live counters of one run, or of several that share them.

    Any thread may take a `snapshot`, which has `counts`, `seconds`, `batches`,
    `retries`, `rows_per_second`, `memory_bytes`, `fill.queue` and `fill.lanes` (0 to
    1), and `activity`: what the run is waiting for, or empty.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot = Snapshot()
        self._active_runs = 0
        #: When the first of the runs in progress began.
        self._active_since: float | None = None
        self._past_seconds = 0.0
        self._fill: Callable[[], Fill] = Fill

    def begin(self) -> None:
        """Start counting the seconds of a run; concurrent runs count only once."""
        with self._lock:
            if not self._active_runs:
                self._active_since = time.monotonic()
            self._active_runs += 1

    def end(self) -> None:
        """Stop counting the seconds of a run, which has ended and has no queue now."""
        with self._lock:
            self._active_runs -= 1
            if not self._active_runs:
                self._past_seconds, self._active_since = self._seconds(), None
        self._fill = Fill

    def _seconds(self) -> float:
        current = (
            0.0 if self._active_since is None else time.monotonic() - self._active_since
        )
        return self._past_seconds + current

    def add(self, counts: Counts, *, batches: int = 0, retries: int = 0) -> None:
        """Add rows, batches and retries to the totals."""
        with self._lock:
            self._snapshot = replace(
                self._snapshot,
                counts=self._snapshot.counts + counts,
                batches=self._snapshot.batches + batches,
                retries=self._snapshot.retries + retries,
            )

    def observe_fill(self, fill: Callable[[], Fill]) -> None:
        """Have `fill` called at each snapshot to measure queue and lanes."""
        self._fill = fill

    def set_memory(self, resident_bytes: int) -> None:
        """Set the process's resident size."""
        with self._lock:
            self._snapshot = replace(self._snapshot, memory_bytes=resident_bytes)

    def set_activity(self, activity: str) -> None:
        """Set what the run is waiting for, empty if nothing."""
        with self._lock:
            self._snapshot = replace(self._snapshot, activity=activity)

    def __repr__(self) -> str:
        now = self.snapshot()
        return f"Metrics({now.counts}, seconds={now.seconds:.3f})"

    def snapshot(self) -> Snapshot:
        """Return the current state of the run."""
        fill = self._fill()
        with self._lock:
            return replace(self._snapshot, seconds=self._seconds(), fill=fill)


def metrics_or_new(metrics: object, /) -> Metrics:
    """Return the counters that a program passed, or new ones if it passed None.

    Raises:
        ConfigError: It passed something else.
    """
    if metrics is None:
        return Metrics()
    if isinstance(metrics, Metrics):
        return metrics
    type_name = with_article(type(metrics).__name__)
    msg = (
        f"metrics: {type_name} counts no rows: pass propload.Metrics(), or leave it out"
    )
    raise ConfigError(msg)
