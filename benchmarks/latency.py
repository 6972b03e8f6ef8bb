"""How long from an item to its row in the table, at a steady pace?

The wait of each single item is measured: its row's xmin says which transaction wrote
it, and snapshots taken from the server every few milliseconds show when that had ended.
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
from benchmarks.sampling import sample_values
from propload.monitoring.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from benchmarks.scratch import Scratch

NAME = "latency"
QUESTION = "How long from an item to its row in the table, at a steady pace?"
#: Items of one run at 1,000 per second; runs at other paces take the same time.
ROWS = 5_000
BY = ("items_per_second", "batch_seconds")
PACES = (100, 1_000, 10_000)
WAITS = (0.1, 1.0)
#: Pushes per second. Up to this pace items are pushed singly; above, several at a time,
#: as from one page.
BURSTS_PER_SECOND = 1_000
#: Seconds between two snapshots: waits are overestimated by about as much.
SAMPLE_SECONDS = 0.003
#: After this many transactions, the transaction ids in rows wrap around.
XIDS = 1 << 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The server's snapshot of its transactions at one time.

    Attributes:
        when: The time at which it was taken.
        next: One past the highest id of a transaction that had ended.
        open: The lower ids of transactions that had not ended.
    """

    when: float
    next: int
    open: frozenset[int]

    @classmethod
    def of(cls, when: float, snapshot: str, /) -> Snapshot:
        """Return the snapshot parsed from PostgreSQL's text form."""
        _, end, under_way = snapshot.split(":")
        return cls(
            when, int(end), frozenset(map(int, filter(None, under_way.split(","))))
        )

    def is_over(self, xid: int, /) -> bool:
        """Return whether the transaction with this xmin had ended."""
        # rows hold only the lower 32 bits of an id: take the id nearest to the snapshot
        number = self.next + (xid - self.next + XIDS // 2) % XIDS - XIDS // 2
        return number < self.next and number not in self.open


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run: the median, p99 and longest wait in milliseconds."""
    return measure(_cases(scratch, options.rows), options)


def conclude(frame: pl.DataFrame) -> str:
    """Return the median and p99 waits at each pace, as text."""
    return "\n".join(
        f"{row['items_per_second']:,} items/s, batch_seconds "
        f"{row['batch_seconds']}: half within {row['p50_ms']:,.0f} ms, "
        f"99 % within {row['p99_ms']:,.0f} ms"
        for row in summarize(frame, by=BY).iter_rows(named=True)
    )


def waits_of(
    due_times: dict[str, float], written: dict[str, int], snapshots: list[Snapshot]
) -> list[float]:
    """Return the seconds that each item waited.

    Args:
        due_times: When each item was due, by key.
        written: The transaction that wrote each row, by key.
        snapshots: The snapshots in order of time; by the last one, all transactions
            had ended.
    """
    ends = {xid: _end_of(xid, snapshots) for xid in set(written.values())}
    return [ends[written[key]] - when for key, when in due_times.items()]


def _end_of(xid: int, snapshots: list[Snapshot]) -> float:
    """Return the time of the first snapshot in which a transaction had ended."""
    return snapshots[
        bisect_left(snapshots, 1, key=lambda snapshot: snapshot.is_over(xid))
    ].when


def _cases(scratch: Scratch, rows: int) -> Iterator[Case]:
    for pace in PACES:
        items = max(pace // 2, rows * pace // 1_000)
        # one more is pushed before the measurement begins
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
    due_times, snapshots = _push(scratch, items, pace, wait)
    seconds = time.perf_counter() - began
    waits = waits_of(due_times, _written(scratch), snapshots)
    return {"seconds": seconds, **_quantiles(waits)}


def _quantiles(waits: list[float]) -> dict[str, float]:
    series = pl.Series(waits).sort()
    return {
        f"p{percent}_ms": 1_000 * float(series.quantile(percent / 100) or 0.0)
        for percent in (50, 99, 100)
    }


def _push(
    scratch: Scratch, items: int, pace: int, wait: float
) -> tuple[dict[str, float], list[Snapshot]]:
    """Push rows at a pace; return when each item was due, and the snapshots."""
    rows = listings(items).to_dicts()
    metrics = Metrics()
    settings = {**place(scratch, "target"), "batch_seconds": wait}
    with (
        scratch.connect() as connection,
        propload.Loader(metrics=metrics, **settings) as loader,  # type: ignore[arg-type] # settings of any kind
    ):
        # the first item opens connections, which a crawl does only once
        loader.put(listings(1, first=items).to_dicts()[0])
        _wait_for(metrics, 1)
        with sample_values(lambda: _snapshot(connection), SAMPLE_SECONDS) as samples:
            due_times = _keep_pace(loader, rows, pace)
            _wait_for(metrics, items + 1)
    return due_times, [Snapshot.of(*sample) for sample in samples]


def _keep_pace(
    loader: propload.Loader, rows: list[dict[str, Any]], pace: int
) -> dict[str, float]:
    due_times: dict[str, float] = {}
    lot = max(1, pace // BURSTS_PER_SECOND)
    began = time.perf_counter()
    for start in range(0, len(rows), lot):
        due = began + start / pace
        time.sleep(max(0.0, due - time.perf_counter()))
        part = rows[start : start + lot]
        # the time at which they were due: if the sender is late, that is waiting too
        due_times |= dict.fromkeys((row["listing_id"] for row in part), due)
        loader.put(part if lot > 1 else part[0])
    return due_times


def _wait_for(metrics: Metrics, rows: int) -> None:
    while metrics.snapshot().counts.accounted < rows:
        time.sleep(SAMPLE_SECONDS)


def _snapshot(connection: Connection) -> tuple[float, str]:
    """Return the server's snapshot as text, after the time at which it arrived."""
    row = connection.execute("SELECT pg_current_snapshot()::text").fetchone()
    return time.perf_counter(), str(row[0]) if row else ""


def _written(scratch: Scratch) -> dict[str, int]:
    """Return the transaction id (xmin) of each row, by `listing_id`."""
    with scratch.connect() as connection:
        query = "SELECT listing_id, xmin::text::bigint FROM target"
        return dict(connection.execute(query).fetchall())


if __name__ == "__main__":
    main(sys.modules[__name__])
