"""dlt from Arrow with settings that make it faster, into the same keyed table.

Unlike in `dlt_arrow`, the frame is yielded in slices, each of which becomes a file, so
that several load workers copy them in parallel; and `skip_unchanged_rows` does not
write rows that are stored unchanged. Tried with 20,000 rows on two processors, with
values verified:

- one slice per processor is the fastest; more files cost more than they gain, since
  each starts with a job, a session and a schema of its own.
- as many load workers as slices; dlt's default of twenty gains nothing.
- normalize in one process: Arrow files are only moved there, while a second process
  takes a third of a second to start.
- `skip_unchanged_rows` gives correct results in all workloads, is a quarter faster for
  unchanged rows, and within the spread for all others, so it is always on.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from benchmarks.peers.dlt_arrow import FORM, MOST_ROWS, UPSERT, reset, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    import pyarrow as pa

    from benchmarks.scratch import Scratch

__all__ = ["FORM", "MOST_ROWS", "load", "reset"]

#: Fewest rows of a file: starting a smaller one costs more than it saves.
LEAST_SLICE = 10_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    size = slice_rows(rows.height)
    with _settings(size):
        run(
            _slices(rows, size),
            scratch,
            table,
            disposition={**UPSERT, "skip_unchanged_rows": True},
            loader_file_format="parquet",
        )


def slice_rows(rows: int, /) -> int:
    """Return the rows per file, with one file per processor."""
    return max(LEAST_SLICE, -(-rows // _processors()))


def _processors() -> int:
    return os.cpu_count() or 1


def _slices(rows: pl.DataFrame, size: int) -> Iterator[pa.Table]:
    for part in rows.iter_slices(size):
        yield part.to_arrow()


@contextmanager
def _settings(size: int) -> Iterator[None]:
    """Set dlt's environment variables for the duration of this load."""
    variables = {
        "DATA_WRITER__FILE_MAX_ITEMS": str(size),
        "DATA_WRITER__BUFFER_MAX_ITEMS": str(size),
        "LOAD__WORKERS": str(_processors()),
        "NORMALIZE__WORKERS": "1",
    }
    with mock.patch.dict(os.environ, variables):
        yield
