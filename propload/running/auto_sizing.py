"""The sizes that nobody set: how many workers, and how many rows in a batch.

Workers are chosen before the run, from the machine and the server. The batch size
begins where most tables do best and changes only for a measured reason (that a batch
ends by its bytes as well is the joiner's affair, and only told here):

- full batches that take many seconds to commit: half the rows, so that less work
  waits on one transaction;
- full batches, one after another: twice the rows is tried once, and kept where it is
  clearly faster.
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

#: Beyond this many lanes the one thread that prepares is what a run waits for.
MOST_WORKERS = 8
#: A server this far away lets each lane wait more than work.
FAR_SECONDS = 0.005
#: Lanes for such a server: while one waits for an answer, the others send.
FAR_WORKERS = 4
#: So few rows of 20 columns are loaded sooner by one lane than two are made ready
#: (measured: no difference at 5,000).
FEW_ROWS = 3_000
#: Part of the server's free connections that a run takes at most.
CONNECTION_SHARE = 0.5
#: A batch that takes longer is halved: a retry would repeat that much work.
SLOW_SECONDS = 5.0
LEAST_ROWS = 1_000
MOST_ROWS = 4 * BATCH_ROWS
#: The first batches open connections and fill the lanes: they tell nothing.
WARM_BATCHES = 4
#: Batches that one measurement takes; fewer show chance.
WINDOW = 4
#: What a larger batch has to gain to be worth its memory.
GAIN = 1.1
#: Fewer of the rows asked for: the source is what the run waits for.
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
    """Return how many lanes suit this machine, that server and these rows.

    Args:
        server: Free connections of the server, and its distance.
        cpus: Processors of this process; counted by default.
        rows: About how many rows come, or None where nobody knows.
        others: Sessions that the run needs besides, the one that asked among them.
    """
    if rows is not None and rows <= FEW_ROWS:
        return Workers(1, f"workers auto: 1 (about {counted(rows, 'row')})")
    cpus = cpus or _processors()
    # of each two processors one is left to the server and to what prepares
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
    """Return how many processors this process may use: of the machine's, maybe few."""
    # a container or a batch system leaves one of 64 (taskset, --cpuset-cpus)
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
    """Return the plan with a number of workers, and why where nobody set it.

    Args:
        plan: What holds.
        database: Where the table is.
        expected: Returns about how many rows come, or None where nobody knows.
        replaces: Whether rows gather in a shadow, which takes a session.

    Raises:
        ConfigError: The server does not have so many connections.
    """
    server, told = database.capacity(), plan.options.workers
    others = OTHER_SESSIONS + plan.options.lock + replaces
    if (1 if told == "auto" else told) + others > server.connections:
        raise ConfigError(_too_few(server, told, others, database.label))
    if told != "auto":
        return plan, ()
    chosen = choose_workers(server, rows=expected(), others=others)
    return plan.with_sizes(workers=chosen.count), (chosen.reason,)


def _too_few(
    server: ServerCapacity, told: int | Literal["auto"], others: int, label: str
) -> str:
    """Return what is said where a server has too few connections for a run."""
    workers = WORKERS if told == "auto" else told
    words = [server.how_to_raise(workers + others)]
    if others < server.connections:
        words.append("use fewer --workers")
    return (
        f"{counted(workers, 'worker needs one', 'workers need a')} connection"
        f"{' each' * (workers > 1)} and the run {others} more, but {label} gives this "
        f"user {server.connections:,} in all: {' or '.join(words)}"
    )


class BatchRows:
    """How many rows a batch takes: as the user said.

    Args:
        rows: What the user said.
        most_bytes: Most bytes of a batch.

    Attributes:
        rows: The size that holds now.
        most_bytes: At so many bytes a batch ends as well.
    """

    def __init__(self, rows: int, *, most_bytes: int = BATCH_BYTES) -> None:
        self.rows = rows
        self.most_bytes = most_bytes
        self._width = 0.0

    def __call__(self) -> int:
        """Return how many rows the next batch takes at most."""
        return self.rows

    def note_wide(self, rows: int, nbytes: int, /) -> None:
        """Learn of a batch that its bytes ended; called by the thread that joins."""
        self._width = nbytes / rows

    @property
    def in_force(self) -> int:
        """The size that the report gives: the user's own."""
        return self.rows

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen and why, for the report."""
        fitting = self._fitting()
        if fitting == self.rows:
            return ()
        return (f"batches of {fitting:,} rows, not {self.rows:,}: {self._wide()}",)

    def _fitting(self) -> int:
        most = int(self.most_bytes / self._width) if self._width else self.rows
        return max(1, min(self.rows, most))

    def _wide(self) -> str:
        return f"rows of {self._width:,.0f} bytes leave room for no more"


class AutoBatchRows(BatchRows):
    """How many rows the next batch takes where nobody said so; asked before each one.

    Args:
        committed: Returns the rows with a known end so far.
        clock: Returns seconds.
        most_bytes: At so many bytes a batch ends as well.
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
        self._asked = 0
        self._began = (0.0, 0)
        self._before: float | None = None
        self._settled = False
        self._said: list[str] = []

    def __call__(self) -> int:
        """Return how many rows the next batch takes at most."""
        self._asked += 1
        if self._asked <= WARM_BATCHES:
            self._begin()
        elif (self._asked - WARM_BATCHES) % WINDOW == 0:
            self._judge()
        return self.rows

    @property
    def in_force(self) -> int:
        """The size that held at the end."""
        return self._fitting()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen and why, for the report."""
        fitting = self._fitting()
        said = [f"batch_rows auto: {fitting:,}", *self._said]
        if fitting < self.rows:
            said.append(self._wide())
        return ("; ".join(said),)

    def _begin(self) -> None:
        self._began = (self._clock(), self._committed())

    def _judge(self) -> None:
        began, before = self._began
        now, committed = self._clock(), self._committed()
        self._begin()
        seconds = max(now - began, 1e-9)
        rows = committed - before
        if rows < FULL * WINDOW * self._fitting():
            return  # the source was waited for, which says nothing of the size
        if seconds / WINDOW > SLOW_SECONDS and self.rows > LEAST_ROWS:
            self._slow(seconds / WINDOW)
        elif not self._settled:
            self._compare(rows / seconds)

    def _slow(self, seconds: float) -> None:
        self.rows = max(LEAST_ROWS, self.rows // 2)
        self._settled = True
        self._said.append(f"halved, because a batch took {seconds:.0f} s")

    def _compare(self, speed: float) -> None:
        """Try a larger batch after the first measurement, and judge it by the next."""
        if self._before is None:
            self._before = speed
            if self._fitting() < self.rows or self.rows * 2 > MOST_ROWS:
                self._settled = True
                return
            self.rows *= 2
            # what is in flight was made in the old size: let it pass first
            self._asked = WARM_BATCHES - 2
            return
        tried, gain = self.rows, speed / self._before
        self._settled = True
        if gain < GAIN:
            self.rows = tried // 2
        verdict = "kept" if gain >= GAIN else "not worth its memory"
        self._said.append(f"{tried:,} was {gain:.2f} times as fast: {verdict}")


def batch_sizes(
    plan: Plan, memory: MemoryWatch, committed: Callable[[], int], /
) -> BatchRows:
    """Return what says how many rows a batch may have.

    Args:
        plan: What holds.
        memory: Says how many bytes it may have.
        committed: Returns the rows of the run with a known end so far, once it moves
            rows; the metrics may be those of other runs as well.
    """
    told, most = plan.options.batch_rows, memory.batch_bytes(BATCH_BYTES)
    if told == "auto":
        return AutoBatchRows(committed, most_bytes=most)
    return BatchRows(told, most_bytes=most)
