"""Run benchmarks with few rows."""

from __future__ import annotations

from benchmarks import (
    measuring,
)


def run_small(benchmark, database, rows, **more):
    frame = measuring.answer(benchmark, rows=rows, runs=1, to=database, **more)
    assert frame.get_column("rows_per_second").min() > 0
    return frame
