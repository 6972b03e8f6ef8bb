"""Each benchmark runs, and measures what it says."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import polars as pl
import pytest

from benchmarks import (
    batch_size,
    crawl,
    growth,
    latency,
    limit,
    peers,
    stages,
    workers,
)
from benchmarks.scratch import open_scratch
from benchmarks.workloads import NEW, SECOND, UNCHANGED
from tests.acceptance.benchmarks.answering import run_small

pytestmark = [
    pytest.mark.timeout(240),
    # these tests are of the measuring; the version of the server does not matter
    pytest.mark.one_server,
]


def test_peers_load_rows_from_files(database, files):
    only = ("propload_frame", "psycopg_copy", "duckdb_insert")
    options = {"only": only, "inputs": files, "key": ("id", "day")}
    # duckdb_insert gets fewer rows than are asked for, the files have fewer still
    frame = run_small(peers, database, 1_000_000, **options)
    ours = frame.filter(candidate="propload_frame")
    assert ours.select("work", "rows").rows() == [(NEW, 3), (UNCHANGED, 3), (SECOND, 2)]
    compared = peers.compare(frame)
    assert set(compared.get_column("work")) == {NEW, UNCHANGED, SECOND}
    seed = compared.filter(pl.col("candidate").str.starts_with("the seed"))
    assert seed.get_column("rows_per_second").to_list() == [1_000, 5_000]
    assert seed.get_column("mb_per_1000_rows").to_list() == [2.5, 2.5]


def test_growth_compares_the_largest_table_with_the_first_rows(database, monkeypatch):
    monkeypatch.setattr(growth, "STEPS", 2)
    frame = run_small(growth, database, 400)
    sizes = frame.select("what", "size").rows()
    assert sizes == [("input", 400), ("table", 0), ("table", 200), ("table", 400)]
    conclusion = growth.conclude(frame)
    assert "with 400 rows in the table" in conclusion
    assert "of the first 200" in conclusion


def test_growth_lets_the_server_finish_earlier_work(database, monkeypatch):
    with open_scratch(database) as scratch:
        table = growth._Table(scratch, scratch.state / "added.parquet", added=5)
        settled = []
        monkeypatch.setattr(
            type(scratch), "settle", lambda _, *tables: settled.append(tables)
        )
        table.prepare(0)
        table.stored = 5
        table.prepare(5)
    assert settled == [(), ()]


def test_shares_of_stages_add_up_to_one(database):
    frame = run_small(stages, database, 500)
    assert frame.get_column("share").sum() == pytest.approx(1)
    assert "the check" in stages.conclude(frame)


def test_limit_benchmark_measures_five_cases(database):
    assert run_small(limit, database, 500).height == 5


def test_crawl_is_timed_after_a_warm_up_in_the_same_process(database, monkeypatch):
    clock, crawled = [0.0], []
    monkeypatch.setattr(crawl, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(crawl, "logging", Mock())

    def fake_crawl(_spider, _scratch, table):
        crawled.append(table)
        clock[0] += {"warm": 100, "target": 3}[table]

    with open_scratch(database) as scratch:
        assert crawl._seconds(fake_crawl, 10, scratch) == 3
    assert crawled == ["warm", "target"]


def test_crawl_is_measured_alone_and_into_a_table(database):
    frame = run_small(crawl, database, 50, warm=0)
    assert frame.get_column("how").to_list() == ["crawl alone", "crawl into a table"]


def test_batch_sizes_are_loaded_in_separate_processes(database):
    frame = run_small(batch_size, database, 400, warm=0)
    assert frame.select("how", "batch_rows").rows() == [
        ("batch_rows", 10),
        ("batch_rows", 100),
        ("pushed", 100),
    ]
    assert "within 5% of the fastest" in batch_size.conclude(frame)
    # the memory of this process is not part of those that load
    assert frame.get_column("peak_mb").max() < 400
    assert frame.get_column("commit_ms").min() > 0


def test_workers_are_compared_at_each_size_of_the_grid(database, monkeypatch):
    monkeypatch.setattr(workers, "WORKERS", (1, 2))
    frame = run_small(workers, database, 400, warm=0, grid=True)
    new = frame.filter(work=workers.NEW).select("batch_rows", "workers").rows()
    assert new == [(10, 1), (10, 2), (100, 1), (100, 2)]
    assert frame.filter(work=workers.CHANGED).height == 2
    assert "ms to a batch's commit" in workers.conclude(frame)


def test_latency_measures_every_item_after_a_warm_up(database, monkeypatch):
    monkeypatch.setattr(latency, "PACES", (1_000,))
    monkeypatch.setattr(latency, "WAITS", (0.1,))
    runs = []
    run = latency._run
    monkeypatch.setattr(
        latency, "_run", lambda *arguments: runs.append(run(*arguments)) or runs[-1]
    )
    frame = run_small(latency, database, 100, warm=1)
    assert len(runs) == 2
    assert frame.select("rows", "run").rows() == [(500, 0)]
    # batches take a tenth of a second, so every item waits
    assert 0 < frame.item(0, "p50_ms") <= frame.item(0, "p99_ms")
    assert frame.item(0, "p99_ms") <= frame.item(0, "p100_ms")
    assert "1,000 items/s" in latency.conclude(frame)
