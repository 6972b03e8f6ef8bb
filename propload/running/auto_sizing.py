"""Sizes chosen where the user sets none: the number of workers and of rows in a batch.

Workers are chosen before the run, from the machine and the server. The batch size
starts at the value that suits most tables and changes only on a measurement:

- if full batches take many seconds to commit, it is halved, so that less work
  depends on one transaction;
- if batches are full one after another, it is doubled once, and stays doubled if that
  is clearly faster.

The limit on a batch's bytes is applied by the joiner; here it is only reported.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from propload.errors import ConfigError
from propload.messages.wording import counted
from propload.options import BATCH_BYTES, BATCH_ROWS, OTHER_SESSIONS, WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.monitoring.memory import MemoryWatch
    from propload.postgres.database import Database
    from propload.postgres.session.server_capacity import ServerCapacity
    from propload.running.planning import Plan

#: With more lanes than this, the single preparing thread is the bottleneck.
MOST_WORKERS = 8
#: Round trip above which lanes spend more time waiting than working.
FAR_SECONDS = 0.005
#: Minimum lanes for a far server: while one waits for an answer, the others send.
FAR_WORKERS = 4
#: At most this many rows (of 20 columns) are loaded by one lane in less time than it
#: takes to start two (measured: no difference at 5,000).
FEW_ROWS = 3_000
#: Largest share of the server's free connections that a run takes.
CONNECTION_SHARE = 0.5
#: A batch that takes longer than this is halved: a retry would repeat all its work.
SLOW_SECONDS = 5.0
LEAST_ROWS = 1_000
MOST_ROWS = 4 * BATCH_ROWS
#: Batches that are not measured: the first ones open connections and fill the lanes.
WARM_BATCHES = 4
#: Batches in one measurement; with fewer, it shows mostly noise.
WINDOW = 4
#: Minimum speedup for which a larger batch is worth its memory.
GAIN = 1.1
#: Share of the requested rows below which the source is the bottleneck.
FULL = 0.9


@dataclass(frozen=True, slots=True)
class Workers:
    """How many lanes write, and why.

    Attributes:
        count: How many.
        reason: Why, for the report.
    """

    count: int
    reason: str


def choose_workers(
    server: ServerCapacity,
    cpus: int | None = None,
    /,
    *,
    rows: int | None = None,
    others: int = OTHER_SESSIONS,
) -> Workers:
    """Return how many lanes suit this machine, the server and the rows.

    Args:
        server: The server's free connections, and its round-trip time.
        cpus: Processors of this process; counted by default.
        rows: About how many rows will come, or None if that is unknown.
        others: Sessions that the run needs besides its lanes, including the one that
            asked for `server`.
    """
    if rows is not None and rows <= FEW_ROWS:
        return Workers(1, f"workers auto: 1 (about {counted(rows, 'row')})")
    cpus = cpus or _processors()
    # half of the processors are left for the server and the preparing thread
    wanted = min(MOST_WORKERS, max(WORKERS, cpus // 2))
    why = counted(cpus, "processor")
    if server.round_trip_seconds > FAR_SECONDS:
        wanted = max(wanted, FAR_WORKERS)
        why += f", server {server.round_trip_seconds * 1000:.0f} ms away"
    free = server.free_connections
    allowed = max(1, min(int(free * CONNECTION_SHARE), free + 1 - others))
    if allowed < wanted:
        wanted = allowed
        why += f", {counted(free, 'connection')} free"
    return Workers(wanted, f"workers auto: {wanted} ({why})")


def _processors() -> int:
    """Return how many processors this process may use, which may not be all."""
    # containers and batch systems restrict a process (taskset, --cpuset-cpus)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def with_workers(
    plan: Plan,
    database: Database,
    expected: Callable[[], int | None],
    /,
    *,
    replaces: bool,
) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan with its number of workers, and the reason if it was chosen here.

    Args:
        plan: The run's plan.
        database: Where the table is.
        expected: Returns about how many rows will come, or None if that is unknown.
        replaces: Whether rows are gathered in a shadow, which takes a session.

    Raises:
        ConfigError: The server does not have that many connections.
    """
    server, requested = database.capacity(), plan.options.workers
    others = OTHER_SESSIONS + plan.options.lock + replaces
    if (1 if requested == "auto" else requested) + others > server.connections:
        raise ConfigError(_too_few_message(server, requested, others, database.label))
    if requested != "auto":
        return plan, ()
    chosen = choose_workers(server, rows=expected(), others=others)
    return plan.with_sizes(workers=chosen.count), (chosen.reason,)


def _too_few_message(
    server: ServerCapacity, requested: int | Literal["auto"], others: int, label: str
) -> str:
    """Return the message for a server that has too few connections for a run."""
    workers = WORKERS if requested == "auto" else requested
    options = [server.how_to_raise(workers + others)]
    if others < server.connections:
        options.append("use fewer --workers")
    return (
        f"{counted(workers, 'worker needs one', 'workers need a')} connection"
        f"{' each' * (workers > 1)} and the run {others} more, but {label} gives this "
        f"user {server.connections:,} in all: {' or '.join(options)}"
    )


class BatchRows:
    """The number of rows in a batch, as set by the user.

    Args:
        rows: The number that the user set.
        most_bytes: The most bytes in a batch.

    Attributes:
        rows: The current number.
        most_bytes: A batch also ends when it has this many bytes.
    """

    def __init__(self, rows: int, *, most_bytes: int = BATCH_BYTES) -> None:
        self.rows = rows
        self.most_bytes = most_bytes
        self._row_bytes = 0.0

    def __call__(self) -> int:
        """Return the most rows that the next batch may have."""
        return self.rows

    def note_byte_limited(self, rows: int, nbytes: int, /) -> None:
        """Note the size of a batch that ended by its bytes; called while joining."""
        self._row_bytes = nbytes / rows

    @property
    def reported_rows(self) -> int:
        """The size given in the report: the one that the user set."""
        return self.rows

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen and why, for the report."""
        fitting_rows = self._fitting_rows()
        if fitting_rows == self.rows:
            return ()
        change = f"batches of {fitting_rows:,} rows, not {self.rows:,}"
        return (f"{change}: {self._width_note()}",)

    def _fitting_rows(self) -> int:
        limit = int(self.most_bytes / self._row_bytes) if self._row_bytes else self.rows
        return max(1, min(self.rows, limit))

    def _width_note(self) -> str:
        return f"rows of {self._row_bytes:,.0f} bytes leave room for no more"


class AutoBatchRows(BatchRows):
    """The number of rows in a batch, adapted to measurements; called before each batch.

    Args:
        committed: Returns the number of rows whose outcome is known so far.
        clock: Returns seconds.
        most_bytes: A batch also ends when it has this many bytes.
    """

    def __init__(
        self,
        committed: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        *,
        most_bytes: int = BATCH_BYTES,
    ) -> None:
        super().__init__(BATCH_ROWS, most_bytes=most_bytes)
        self._committed = committed
        self._clock = clock
        self._calls = 0
        self._began = (0.0, 0)
        self._first_speed: float | None = None
        self._is_final = False
        self._changes: list[str] = []

    def __call__(self) -> int:
        """Return the most rows that the next batch may have."""
        self._calls += 1
        if self._calls <= WARM_BATCHES:
            self._begin()
        elif (self._calls - WARM_BATCHES) % WINDOW == 0:
            self._evaluate()
        return self.rows

    @property
    def reported_rows(self) -> int:
        """The size given in the report: the last one, or what the bytes allow."""
        return self._fitting_rows()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen and why, for the report."""
        fitting_rows = self._fitting_rows()
        parts = [f"batch_rows auto: {fitting_rows:,}", *self._changes]
        if fitting_rows < self.rows:
            parts.append(self._width_note())
        return ("; ".join(parts),)

    def _begin(self) -> None:
        self._began = (self._clock(), self._committed())

    def _evaluate(self) -> None:
        began, committed_before = self._began
        now, committed = self._clock(), self._committed()
        self._begin()
        seconds = max(now - began, 1e-9)
        rows = committed - committed_before
        if rows < FULL * WINDOW * self._fitting_rows():
            return  # the run waited for the source, which says nothing about the size
        if seconds / WINDOW > SLOW_SECONDS and self.rows > LEAST_ROWS:
            self._halve(seconds / WINDOW)
        elif not self._is_final:
            self._compare(rows / seconds)

    def _halve(self, seconds: float) -> None:
        self.rows = max(LEAST_ROWS, self.rows // 2)
        self._is_final = True
        self._changes.append(f"halved, because a batch took {seconds:.0f} s")

    def _compare(self, speed: float) -> None:
        """Double the size after the first measurement, and judge it by the next."""
        if self._first_speed is None:
            self._first_speed = speed
            if self._fitting_rows() < self.rows or self.rows * 2 > MOST_ROWS:
                self._is_final = True
                return
            self.rows *= 2
            # batches in flight still have the old size: do not measure them
            self._calls = WARM_BATCHES - 2
            return
        tried, gain = self.rows, speed / self._first_speed
        self._is_final = True
        if gain < GAIN:
            self.rows = tried // 2
        verdict = "kept" if gain >= GAIN else "not worth its memory"
        self._changes.append(f"{tried:,} was {gain:.2f} times as fast: {verdict}")


def batch_sizes(
    plan: Plan, memory: MemoryWatch, committed: Callable[[], int], /
) -> BatchRows:
    """Return the object that gives the batch size, fixed or adaptive as the plan says.

    Args:
        plan: The run's plan.
        memory: Says how many bytes a batch may have.
        committed: Returns the number of rows of this run whose outcome is known so
            far (the metrics may cover other runs as well); only called once rows move.
    """
    requested, max_bytes = plan.options.batch_rows, memory.batch_bytes(BATCH_BYTES)
    if requested == "auto":
        return AutoBatchRows(committed, most_bytes=max_bytes)
    return BatchRows(requested, most_bytes=max_bytes)
