"""How long from an item to its row in the table, at a steady pace?"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import polars as pl

import propload
from benchmarks.listings import listings
from benchmarks.loads import place
from benchmarks.measuring import Options, main, summarize
from propload.monitoring.metrics import Metrics

if TYPE_CHECKING:
    from benchmarks.scratch import Scratch

NAME = "latency"
QUESTION = "How long from an item to its row in the table, at a steady pace?"
#: Items of one run at a thousand a second; other paces take as many seconds.
ROWS = 5_000
BY = ("items_per_second", "batch_seconds")
PACES = (100, 1_000, 10_000)
WAITS = (0.1, 1.0)
#: Items that come together, as from one page: 1 up to a thousand a second.
BURSTS_PER_SECOND = 1_000
#: How often the table's side is looked at.
LOOK_SECONDS = 0.002


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run: p50, p99 and longest wait in milliseconds."""
    lines: list[dict[str, Any]] = []
    for turn in range(options.runs):
        for pace in PACES:
            for wait in WAITS:
                if not options.wants(pace, wait):
                    continue
                items = max(pace // 2, options.rows * pace // 1_000)
                scratch.create("target")
                began = time.perf_counter()
                waits = _run(scratch, items, pace, wait)
                seconds = time.perf_counter() - began
                # the first item came before the clock
                scratch.verify("target", scratch.digest_of(listings(items + 1)))
                lines.append(
                    {
                        "items_per_second": pace,
                        "batch_seconds": wait,
                        "rows": items,
                        "run": turn,
                        "seconds": seconds,
                        "rows_per_second": items / seconds,
                        **_quantiles(waits),
                    }
                )
    return pl.DataFrame(lines)


def conclude(frame: pl.DataFrame) -> str:
    """Return the waits at each pace."""
    return "\n".join(
        f"{row['items_per_second']:,} items/s, batch_seconds "
        f"{row['batch_seconds']}: half within {row['p50_ms']:,.0f} ms, "
        f"99 % within {row['p99_ms']:,.0f} ms"
        for row in summarize(frame, by=BY).iter_rows(named=True)
    )


def _quantiles(waits: list[float]) -> dict[str, float]:
    series = pl.Series(waits).sort()
    return {
        f"p{percent}_ms": 1_000 * float(series.quantile(percent / 100) or 0.0)
        for percent in (50, 99, 100)
    }


def _run(scratch: Scratch, items: int, pace: int, wait: float) -> list[float]:
    """Push at a pace; return the seconds that each item waited."""
    rows = listings(items).to_dicts()
    metrics = Metrics()
    put: list[float] = []
    committed: list[tuple[float, int]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            committed.append((time.perf_counter(), metrics.snapshot().counts.accounted))

    watcher = threading.Thread(target=look)
    settings = {**place(scratch, "target"), "batch_seconds": wait}
    with propload.Loader(metrics=metrics, **settings) as loader:  # type: ignore[arg-type] # settings of any kind
        # the first item opens connections: a crawl does that once
        loader.put(listings(1, first=items).to_dicts()[0])
        while not metrics.snapshot().counts.accounted:
            time.sleep(LOOK_SECONDS)
        watcher.start()
        lot = max(1, pace // BURSTS_PER_SECOND)
        began = time.perf_counter()
        for start in range(0, items, lot):
            due = began + start / pace
            time.sleep(max(0.0, due - time.perf_counter()))
            part = rows[start : start + lot]
            # due, not now: a sender that is late has waited as well
            put += [due] * len(part)
            loader.put(part if lot > 1 else part[0])
        while metrics.snapshot().counts.accounted < items + 1:
            time.sleep(LOOK_SECONDS)
        time.sleep(LOOK_SECONDS * 3)
        ended.set()
        watcher.join()
    return _waits(put, committed)


def _waits(put: list[float], committed: list[tuple[float, int]]) -> list[float]:
    """Return each item's wait: items are committed in the order they came."""
    waits, place_ = [], 0
    for number, when in enumerate(put, start=2):
        while place_ < len(committed) - 1 and committed[place_][1] < number:
            place_ += 1
        waits.append(committed[place_][0] - when)
    return waits


if __name__ == "__main__":
    main(sys.modules[__name__])
