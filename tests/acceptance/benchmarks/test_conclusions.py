"""What benchmarks conclude from their measurements."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks import (
    batch_size,
    latency,
    memory,
    peers,
    workers,
)
from benchmarks.candidates import Candidate
from benchmarks.isolated import MemoryUse, numbers
from benchmarks.workloads import NEW, UNCHANGED


def paces(*measured, work=UNCHANGED):
    """Return measurements of one run per candidate, form, number of rows and pace."""
    return pl.DataFrame(
        [
            {"work": work, "form": form, "candidate": name, "rows": rows, "run": 0}
            | {"seconds": 1.0, "rows_per_second": float(pace)}
            for name, form, rows, pace in measured
        ]
    )


OURS = ("propload_frame", "frame", 9, 300)


def test_peers_with_and_without_the_key_are_compared_separately():
    others = [
        ("pgpq_copy", "frame", 9, 100),
        ("dlt_arrow", "frame", 9, 50),
        ("dlt_tuned", "frame", 9, 60),
        ("dlt_keyless", "frame", 9, 200),
    ]
    assert peers.conclude(paces(OURS, *others)) == (
        "unchanged, 9 rows (frame): propload 300 rows/s, the fastest other with the "
        "same key (pgpq_copy) 100: 3.0 times; 5.0 times dlt_tuned, where 5 are "
        "aimed at; 1.5 times dlt_keyless"
    )
    # alone, propload is compared with nobody
    assert peers.conclude(paces(OURS)) == ""


def test_propload_is_compared_at_the_same_number_of_rows_and_form():
    frame = paces(
        OURS,
        ("propload_frame", "frame", 4, 200),
        ("propload_dicts", "dicts", 9, 150),
        ("propload_dicts", "dicts", 4, 120),
        ("duckdb_insert", "frame", 4, 100),
        ("dlt_dicts", "dicts", 4, 5),
        work=NEW,
    )
    assert peers.conclude(frame) == (
        "new table, 4 rows (frame): propload 200 rows/s, the fastest other with the "
        "same key (duckdb_insert) 100: 2.0 times\n"
        "new table, 4 rows (dicts): propload 120 rows/s, the fastest other with the "
        "same key (dlt_dicts) 5: 24.0 times; 24.0 times dlt_dicts, where 20 are "
        "aimed at"
    )
    ratios = dict(
        peers.compare(frame).select("candidate", "propload_is_faster").iter_rows()
    )
    assert ratios["duckdb_insert"] == 2
    assert ratios["dlt_dicts"] == 24
    assert ratios["propload_frame, 4 rows"] == ratios["propload_frame"] == 1
    # the number of rows behind this figure is unknown
    assert ratios["the seed, 1 worker"] is None


def test_propload_is_measured_at_each_size_used_by_others_of_its_form():
    def candidate(name, form, max_rows):
        return Candidate(name, form, max_rows, load=lambda *_: None)

    chosen = [
        candidate("propload_frame", "frame", 100),
        candidate("duckdb_insert", "frame", 20),
        candidate("propload_dicts", "dicts", 100),
        candidate("dlt_dicts", "dicts", 5),
    ]
    assert [(found.name, size) for found, size in peers.sizes(chosen, 50)] == [
        ("propload_frame", 50),
        ("propload_frame", 20),
        ("duckdb_insert", 20),
        ("propload_dicts", 50),
        ("propload_dicts", 5),
        ("dlt_dicts", 5),
    ]


def test_each_item_waits_for_its_own_transaction():
    snapshots = [
        # the second lane's transaction, 11, is over before that of the first
        latency.Snapshot.of(1.0, "10:10:"),
        latency.Snapshot.of(2.0, "10:12:10,11"),
        latency.Snapshot.of(3.0, "10:12:10"),
        latency.Snapshot.of(4.0, "12:12:"),
    ]
    waits = latency.waits_of(
        {"a": 0.5, "b": 0.75, "c": 1.0}, {"a": 10, "b": 11, "c": 10}, snapshots
    )
    assert waits == [3.5, 2.25, 3.0]


def test_transaction_numbers_that_have_wrapped_around_are_compared():
    snapshot = latency.Snapshot.of(0.0, f"{2**32 + 5}:{2**32 + 8}:{2**32 + 6}")
    over = {2**32 - 1: True, 5: True, 6: False, 7: True, 8: False, 9: False}
    assert {xid: snapshot.is_over(xid) for xid in over} == over


def test_conclusion_says_how_many_workers_are_enough():
    times = {"new table": (1, 1.0), "20 % changed": (4, 2.0)}
    frame = pl.DataFrame(
        [
            {"work": work, "batch_rows": 9, "workers": number, "rows": 9, "run": 0}
            | {"seconds": 1.0, "rows_per_second": pace, "commit_ms": 1.0}
            | {"peak_mb": 1.0}
            for work, (number, pace) in times.items()
        ]
    )
    lines = workers.conclude(frame).splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        "new table, batches of 9: 1 worker is enough",
        "20 % changed, batches of 9: 4 workers are enough",
    ]


def test_batch_sizes_leave_room_for_several_batches():
    assert workers.sizes(300_000, grid=False) == (5_000, 50_000)
    assert workers.sizes(800_000, grid=True) == workers.GRID
    assert workers.sizes(4_000, grid=True) == (10, 100, 1_000)
    assert workers.sizes(500, grid=False) == (125,)
    sizes = [(how, size) for how, size, _ in batch_size._sizes(4_000)]
    assert sizes == [("batch_rows", size) for size in (10, 100, 1_000)] + [
        ("pushed", 100),
        ("pushed", 1_000),
    ]
    assert {size for _, size, _ in batch_size._sizes(batch_size.ROWS)} >= {200_000}


def test_memory_is_reported_per_row_in_flight():
    use = MemoryUse(
        base=200_000_000,
        peak=500_000_000,
        after=300_000_000,
        arrow=100_000_000,
        seconds=1.0,
        start=0.1,
    )
    figures = memory.figures(use, 250.0)
    # 400,000 rows were in flight, for which the process grew by 300 MB
    assert figures["bytes_a_row"] == pytest.approx(750)
    assert figures["times_arrow"] == pytest.approx(3)
    assert (figures["base_mb"], figures["peak_mb"], figures["after_mb"]) == (
        200,
        500,
        300,
    )
    line = {"batch_rows": "auto", "workers": "auto", "rows": 9, "run": 0}
    conclusion = memory.conclude(
        pl.DataFrame([line | {"rows_per_second": 9.0} | figures])
    )
    assert "base 200 MB, peak 500 MB, after the run 300 MB" in conclusion
    assert "A row in flight took 750 bytes, 3.0 times its 250 in Arrow" in conclusion


def test_load_too_short_to_measure_reports_no_memory_per_row():
    figures = memory.figures(MemoryUse(1, 2, 1, 0, 1.0, 0.1), 250.0)
    assert "bytes_a_row" not in figures


def test_start_and_end_of_a_load_do_not_count_for_its_pace():
    def use(seconds):
        return MemoryUse(0, 0, 0, 0, seconds, start=0.2)

    assert numbers(use(1.0))["seconds"] == pytest.approx(0.8)
    # a load this short has no meaningful pace
    assert numbers(use(0.1))["seconds"] == pytest.approx(0.01)
