"""Starts reading a source while the run is still inspecting its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.pipeline.reading import Reader
from propload.source_capabilities import is_prefetchable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import ExitStack

    from propload.batch import Batch
    from propload.monitoring.memory import MemoryWatch
    from propload.running.planning import Plan
    from propload.sources.source import Source

#: Share of the memory limit for batches that wait in the queue and in lanes. The rest
#: is for batches in work, which take several times their size, and the interpreter.
WAITING_SHARE = 0.1


def waiting_bytes(plan: Plan, /) -> int:
    """Return how many bytes may wait in the queue; as many may wait in all lanes."""
    return int(plan.options.max_memory * WAITING_SHARE) // 2


def make_reader(
    batches: Iterable[Batch],
    plan: Plan,
    memory: MemoryWatch,
    stack: ExitStack,
    /,
) -> Reader:
    """Return a reader of batches, which waits while memory is at its limit.

    Args:
        batches: Batches in order.
        plan: The run's plan.
        memory: Slows the run when memory is short.
        stack: Ends the reader when it is closed, and waits for a read under way.
    """
    throttled = _throttled(batches, memory)
    reader = Reader(throttled, max_bytes=max(1, waiting_bytes(plan)))
    stack.callback(reader.end)
    return reader


@dataclass(frozen=True, slots=True)
class PrefetchedSource:
    """A source that is being read ahead.

    Attributes:
        reader: Reads it, from its first row.
        early_fingerprint: Its fingerprint from before the first read: if the source
            changes afterwards, a resumed run must not take it for the one that was
            read.
    """

    reader: Reader
    early_fingerprint: str | None

    def fingerprint(self) -> str | None:
        """Return the source's earlier fingerprint, in place of its own method."""
        return self.early_fingerprint


def read_ahead(
    source: Source,
    plan: Plan,
    memory: MemoryWatch,
    stack: ExitStack,
    /,
) -> PrefetchedSource | None:
    """Start reading a source and return it, or return None if reading has to wait.

    It has to wait if the row to start at is not known yet (`resume`); if another run
    may change the source before this one gets the lock (`lock`); or if reading runs a
    query or the user's own code, which a refused run must not call.

    Args:
        source: Where rows come from.
        plan: The run's plan.
        memory: Slows the run when memory is short.
        stack: Ends the reader when it is closed.
    """
    if not is_prefetchable(source) or plan.settings.get("resume") or plan.options.lock:
        return None
    prefetched = PrefetchedSource(
        make_reader(source, plan, memory, stack), source.fingerprint()
    )
    prefetched.reader.start()
    return prefetched


def _throttled(batches: Iterable[Batch], memory: MemoryWatch) -> Iterator[Batch]:
    """Yield batches, and wait before each one while memory is at its limit."""
    for batch in batches:
        memory.wait_below_limit()
        yield batch
