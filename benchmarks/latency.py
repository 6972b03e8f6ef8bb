"""How long from an item to its row in the table, at a steady pace?

Each item's own wait is measured: its row says which transaction wrote it, and a look at
the server's snapshot every few milliseconds tells when that was over.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_left
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

import propload
from benchmarks.listings import listings
from benchmarks.loads import place
from benchmarks.measuring import Case, Options, main, measure, summarize
from benchmarks.watching import watched
from propload.monitoring.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

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
#: How often the server is asked: waits are measured too long by about as much.
LOOK_SECONDS = 0.003
#: After this many transactions, their numbers in rows begin again.
XIDS = 1 << 32


@dataclass(frozen=True, slots=True)
class Look:
    """What the server says of its transactions at a moment.

    Attributes:
        when: The moment.
        next: One past the highest number that was over.
        open: Those of lower numbers that were not over.
    """

    when: float
    next: int
    open: frozenset[int]

    @classmethod
    def of(cls, when: float, snapshot: str, /) -> Look:
        """Return what PostgreSQL's text of a snapshot says."""
        _, end, under_way = snapshot.split(":")
        return cls(
            when, int(end), frozenset(map(int, filter(None, under_way.split(","))))
        )

    def is_over(self, xid: int, /) -> bool:
        """Return whether a row's transaction was over."""
        # rows hold only half of a number: the nearest to now is meant
        number = self.next + (xid - self.next + XIDS // 2) % XIDS - XIDS // 2
        return number < self.next and number not in self.open


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run: p50, p99 and longest wait in milliseconds."""
    return measure(_cases(scratch, options.rows), options)


def conclude(frame: pl.DataFrame) -> str:
    """Return the waits at each pace."""
    return "\n".join(
        f"{row['items_per_second']:,} items/s, batch_seconds "
        f"{row['batch_seconds']}: half within {row['p50_ms']:,.0f} ms, "
        f"99 % within {row['p99_ms']:,.0f} ms"
        for row in summarize(frame, by=BY).iter_rows(named=True)
    )


def waits_of(
    put: dict[str, float], written: dict[str, int], looks: list[Look]
) -> list[float]:
    """Return the seconds that each item waited.

    Args:
        put: When each item came, by its key.
        written: The transaction that wrote each row, by its key.
        looks: What the server said, in order of time; at the last all are over.
    """
    over = {xid: _over(xid, looks) for xid in set(written.values())}
    return [over[written[key]] - when for key, when in put.items()]


def _over(xid: int, looks: list[Look]) -> float:
    """Return when a transaction was first seen to be over: then it stays over."""
    return looks[bisect_left(looks, 1, key=lambda look: look.is_over(xid))].when


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    for pace in PACES:
        items = max(pace // 2, rows * pace // 1_000)
        # one more comes before the clock
        expected = scratch.digest_of(listings(items + 1))
        for wait in WAITS:
            yield Case.of_new_table(
                scratch,
                expected,
                {"items_per_second": pace, "batch_seconds": wait},
                items,
                partial(_run, scratch, items, pace, wait),
            )


def _run(scratch: Scratch, items: int, pace: int, wait: float) -> dict[str, float]:
    began = time.perf_counter()
    put, looks = _push(scratch, items, pace, wait)
    seconds = time.perf_counter() - began
    waits = waits_of(put, _written(scratch), looks)
    return {"seconds": seconds, **_quantiles(waits)}


def _quantiles(waits: list[float]) -> dict[str, float]:
    series = pl.Series(waits).sort()
    return {
        f"p{percent}_ms": 1_000 * float(series.quantile(percent / 100) or 0.0)
        for percent in (50, 99, 100)
    }


def _push(
    scratch: Scratch, items: int, pace: int, wait: float
) -> tuple[dict[str, float], list[Look]]:
    """Push at a pace; return when each item came, and what the server said."""
    rows = listings(items).to_dicts()
    metrics = Metrics()
    settings = {**place(scratch, "target"), "batch_seconds": wait}
    with (
        scratch.connect() as connection,
        propload.Loader(metrics=metrics, **settings) as loader,  # type: ignore[arg-type] # settings of any kind
    ):
        # the first item opens connections: a crawl does that once
        loader.put(listings(1, first=items).to_dicts()[0])
        _wait_for(metrics, 1)
        with watched(lambda: _snapshot(connection), LOOK_SECONDS) as seen:
            put = _keep_pace(loader, rows, pace)
            _wait_for(metrics, items + 1)
    return put, [Look.of(*one) for one in seen]


def _keep_pace(
    loader: propload.Loader, rows: list[dict[str, Any]], pace: int
) -> dict[str, float]:
    put: dict[str, float] = {}
    lot = max(1, pace // BURSTS_PER_SECOND)
    began = time.perf_counter()
    for start in range(0, len(rows), lot):
        due = began + start / pace
        time.sleep(max(0.0, due - time.perf_counter()))
        part = rows[start : start + lot]
        # when they were due, not now: if the sender is late, that is a wait as well
        put |= dict.fromkeys((row["listing_id"] for row in part), due)
        loader.put(part if lot > 1 else part[0])
    return put


def _wait_for(metrics: Metrics, rows: int) -> None:
    while metrics.snapshot().counts.accounted < rows:
        time.sleep(LOOK_SECONDS)


def _snapshot(connection: Connection) -> tuple[float, str]:
    """Return what the server says of its transactions, and when it has said so."""
    row = connection.execute("SELECT pg_current_snapshot()::text").fetchone()
    return time.perf_counter(), str(row[0]) if row else ""


def _written(scratch: Scratch) -> dict[str, int]:
    """Return the transaction that wrote each row."""
    with scratch.connect() as connection:
        query = "SELECT listing_id, xmin::text::bigint FROM target"
        return dict(connection.execute(query).fetchall())


if __name__ == "__main__":
    main(sys.modules[__name__])
