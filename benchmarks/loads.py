"""How benchmarks call propload: with defaults for everything but what is measured."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Literal

import propload
from benchmarks.listings import listings
from propload.monitoring.metrics import Metrics

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch
    from propload.options import Settings
    from propload.report import Report


#: Pushes that are timed until their commit.
TIMED = 7
#: Seconds between two checks for the commit.
POLL_SECONDS = 0.001


def load(source: object, scratch: Scratch, table: str, /, **settings: object) -> Report:
    """Load rows according to their layout, and return the report.

    Args:
        source: Any source of `propload.ingest`.
        scratch: The namespace to load into.
        table: The table.
        **settings: Settings that differ from the defaults.
    """
    return propload.ingest(source, **place(scratch, table), **settings)  # type: ignore[arg-type] # settings of any kind


def push(rows: pl.DataFrame, scratch: Scratch, table: str, lot: int, /) -> Report:
    """Push rows in lots, and return the report.

    Args:
        rows: All rows.
        scratch: The namespace to load into.
        table: The table.
        lot: The number of rows per push.
    """
    with propload.Loader(**place(scratch, table)) as loader:
        for part in rows.iter_slices(lot):
            loader.put(part)
    return loader.report


def commit_seconds(
    scratch: Scratch, size: int, workers: int | Literal["auto"] = "auto", /
) -> float:
    """Return the median seconds from a push of `size` rows to their commit.

    Args:
        scratch: The namespace to load into.
        size: The number of rows per push, which form one batch.
        workers: The number of workers.
    """
    scratch.fresh("pushed")
    metrics = Metrics()
    waits = []
    settings = place(scratch, "pushed")
    settings |= {"batch_seconds": 0.0, "batch_rows": size, "workers": workers}
    with propload.Loader(metrics=metrics, **settings) as loader:
        for turn in range(TIMED):
            part = listings(size, first=turn * size)
            began = time.perf_counter()
            loader.put(part)
            while metrics.snapshot().counts.accounted < (turn + 1) * size:
                time.sleep(POLL_SECONDS)
            waits.append(time.perf_counter() - began)
    scratch.verify("pushed", scratch.digest_of(listings(size * TIMED)))
    # without the first push, which opens connections
    return median(waits[1:])


def place(scratch: Scratch, table: str, /) -> Settings:
    """Return the settings for the target and the layout of the rows."""
    settings: Settings = {
        "to": scratch.dsn,
        "table": f"{scratch.namespace}.{table}",
        "state_dir": scratch.state,
        "progress": False,
    }
    layout = scratch.layout
    if layout.schema is not None:
        # the schema itself has the key, `newest` and `on_null`
        return {**settings, "schema": layout.schema}
    settings |= {"key": layout.key, "on_null": layout.on_null}
    return settings if layout.newest is None else {**settings, "newest": layout.newest}
