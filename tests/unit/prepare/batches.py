"""Create batches of numbered rows, and join them."""

from __future__ import annotations

import pyarrow as pa

from propload.batch import Batch
from propload.prepare.joining import Joiner


class FilledQueue:
    """A queue whose batches are all available from the start."""

    def __init__(self, batches):
        self._batches = list(batches)

    def get(self, *, timeout=None):
        return self._batches.pop(0) if self._batches else None


def batch(first, count, name="id", unread=(), source="s", numbers=None):
    rows = pa.RecordBatch.from_pydict(
        {name: pa.array(range(first, first + count), pa.int64())}
    )
    return Batch(rows, source, first + 1, numbers, False, tuple(unread))


def join(batches, rows=10, partial_batches=(), number=0):
    return list(
        Joiner(FilledQueue(batches), lambda: rows, 1.0, partial_batches, number=number)
    )
