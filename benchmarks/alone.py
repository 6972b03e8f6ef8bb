"""A load in a process of its own, so that nothing else is in its memory."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.loads import load

if TYPE_CHECKING:
    from benchmarks.scratch import Scratch


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Resident bytes of a process that loads.

    Attributes:
        base: After the imports, before the load.
        peak: At most.
        after: When the load had ended.
        seconds: How long the load took.
    """

    base: int
    peak: int
    after: int
    seconds: float


def load_alone(
    source: str, scratch: Scratch, table: str, /, **settings: Any
) -> MemoryUse:
    """Return what loading a file takes in a new process.

    Args:
        source: The file.
        scratch: Where to.
        table: The table.
        **settings: What differs from the defaults.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_load, (source, scratch, table, settings))


def _load(
    source: str, scratch: Scratch, table: str, settings: dict[str, Any]
) -> MemoryUse:
    import propload.ingesting  # noqa: F401, PLC0415 - imports are part of the base

    process = psutil.Process()
    base = process.memory_info().rss
    began = time.perf_counter()
    report = load(source, scratch, table, **settings)
    seconds = time.perf_counter() - began
    return MemoryUse(base, report.peak_memory_bytes, process.memory_info().rss, seconds)
