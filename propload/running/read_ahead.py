"""Begins to read a source while the run still looks at its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.pipeline.reading import Reader
from propload.source_capabilities import is_at_hand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import ExitStack

    from propload.batch import Batch
    from propload.monitoring.memory import MemoryWatch
    from propload.running.planning import Plan
    from propload.sources.source import Source

#: The part of the memory limit that may wait in queue and lanes: what is worked on
#: takes several times its own size, and the interpreter with its libraries the rest.
WAITING_SHARE = 0.1


def waiting_bytes(plan: Plan, /) -> int:
    """Return how many bytes may wait in the queue, and as many in all lanes."""
    return int(plan.options.max_memory * WAITING_SHARE) // 2


def make_reader(
    batches: Iterable[Batch],
    plan: Plan,
    memory: MemoryWatch,
    stack: ExitStack,
    /,
) -> Reader:
    """Return what reads batches, none while memory is at its limit.

    Args:
        batches: Batches in order.
        plan: What holds.
        memory: Slows the run where memory is short.
        stack: Where it is closed, no more is read, and nothing is being read.
    """
    held_back = _held_back(batches, memory)
    reader = Reader(held_back, max_bytes=max(1, waiting_bytes(plan)))
    stack.callback(reader.end)
    return reader


@dataclass(frozen=True, slots=True)
class Ahead:
    """A source that is read already.

    Attributes:
        reader: What reads it, from its first row.
        known_by: What it was known by before that: where it changes meanwhile, a run
            that goes on must not take it for the one that was read.
    """

    reader: Reader
    known_by: str | None

    def fingerprint(self) -> str | None:
        """Return what the source was known by, as it does itself."""
        return self.known_by


def read_ahead(
    source: Source,
    plan: Plan,
    memory: MemoryWatch,
    stack: ExitStack,
    /,
) -> Ahead | None:
    """Return a source that is read from now on, or None where that has to wait.

    It waits where it is not known yet at which row to begin; where somebody else may
    change the source until this run's turn has come; and where reading is more than
    that: a query, or code of the user, which a run that is refused shall not call.

    Args:
        source: Where rows come from.
        plan: What holds.
        memory: Slows the run where memory is short.
        stack: Where it is closed, no more is read.
    """
    if not is_at_hand(source) or plan.settings.get("resume") or plan.options.lock:
        return None
    ahead = Ahead(make_reader(source, plan, memory, stack), source.fingerprint())
    ahead.reader.start()
    return ahead


def _held_back(batches: Iterable[Batch], memory: MemoryWatch) -> Iterator[Batch]:
    """Yield batches, none while memory is at its limit."""
    for batch in batches:
        memory.hold_back()
        yield batch
