"""How benchmarks call propload: everything but what is measured at its default."""

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


#: How many pushes are timed until their commit.
TIMED = 7
#: Looking this often finds the commit soon enough.
LOOK_SECONDS = 0.001


def load(source: object, scratch: Scratch, table: str, /, **settings: object) -> Report:
    """Load rows as their layout says and return the report.

    Args:
        source: What `propload.ingest` takes.
        scratch: Where to.
        table: The table.
        **settings: What differs from the defaults.
    """
    return propload.ingest(source, **place(scratch, table), **settings)  # type: ignore[arg-type] # settings of any kind


def push(rows: pl.DataFrame, scratch: Scratch, table: str, lot: int, /) -> Report:
    """Push rows lot by lot and return the report.

    Args:
        rows: All of them.
        scratch: Where to.
        table: The table.
        lot: How many are pushed at once.
    """
    with propload.Loader(**place(scratch, table)) as loader:
        for part in rows.iter_slices(lot):
            loader.put(part)
    return loader.report


def commit_seconds(
    scratch: Scratch, size: int, workers: int | Literal["auto"] = "auto", /
) -> float:
    """Return the median seconds from a push of so many rows to their commit.

    Args:
        scratch: Where to.
        size: How many rows are pushed at once, a batch of their own.
        workers: How many workers there are.
    """
    scratch.fresh("pushed")
    metrics = Metrics()
    found = []
    settings = place(scratch, "pushed")
    settings |= {"batch_seconds": 0.0, "batch_rows": size, "workers": workers}
    with propload.Loader(metrics=metrics, **settings) as loader:
        for turn in range(TIMED):
            part = listings(size, first=turn * size)
            began = time.perf_counter()
            loader.put(part)
            while metrics.snapshot().counts.accounted < (turn + 1) * size:
                time.sleep(LOOK_SECONDS)
            found.append(time.perf_counter() - began)
    scratch.verify("pushed", scratch.digest_of(listings(size * TIMED)))
    # the first opens connections
    return median(found[1:])


def place(scratch: Scratch, table: str, /) -> Settings:
    """Return the settings that say where rows go, and what they are."""
    settings: Settings = {
        "to": scratch.dsn,
        "table": f"{scratch.namespace}.{table}",
        "state_dir": scratch.state,
        "progress": False,
    }
    layout = scratch.layout
    if layout.schema is not None:
        # the schema knows the key, the newest and what a null does
        return {**settings, "schema": layout.schema}
    settings |= {"key": layout.key, "on_null": layout.on_null}
    return settings if layout.newest is None else {**settings, "newest": layout.newest}
