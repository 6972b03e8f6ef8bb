"""Memory stays below its limit, and nothing is left behind by many runs."""

from __future__ import annotations

import gc
import os
import threading

import psutil
import pytest

import propload
from tests.faults import loading
from tests.faults.server import ask
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(2_400)

MB = 1 << 20


def test_a_file_larger_than_the_limit_stays_below_it(dsn, tmp_path, long):
    file = tmp_path / "homes.ndjson"
    rows = (4_000_000 if long else 600_000) // 1_000
    text = "x" * 400
    with file.open("w") as stream:
        for block in range(rows):
            numbers = range(block * 1_000, (block + 1) * 1_000)
            stream.writelines(f'{{"id": {n}, "text": "{text}"}}\n' for n in numbers)
    limit = 400
    assert file.stat().st_size > limit * MB // 2
    run_sql(dsn, "CREATE UNLOGGED TABLE homes (id bigint, text text)")
    words = ["ingest", file, "--to", dsn, "--table", "homes", "--mode", "append"]
    with loading.start(*words, "--max-memory", f"{limit}MB", "--json") as process:
        report = process.report()
    loading.counts_of(report)
    assert report["counts"]["inserted"] == rows * 1_000
    assert report["peak_memory_bytes"] < limit * MB
    assert ask(dsn, "SELECT count(*) FROM homes") == [(rows * 1_000,)]


def held():
    """Return what the process holds: threads and open files, but for this moment."""
    gc.collect()
    process = psutil.Process()
    return threading.active_count(), process.num_fds()


def test_runs_leave_no_thread_or_file_behind(dsn, tmp_path, chance, long):
    file = tmp_path / "homes.csv"
    loading.listings(400, chance=chance, bad=3).write_csv(file)
    told = loading.settings(dsn)
    told |= {"max_memory": "2GB"}

    def work():
        propload.ingest(str(file), **told)
        with propload.Loader(**told) as loader:
            loader.put([{"id": 1, "version": 1, "price": 1, "text": "x"}])
        with pytest.raises(propload.PropLoadError):
            propload.ingest(str(file), **{**told, "key": "text"})

    for _ in range(3):
        work()
    before = held()
    first = psutil.Process().memory_info().rss
    runs = 600 if long else 7
    for _ in range(runs):
        work()
    after = held()
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    if long:
        grown = psutil.Process().memory_info().rss - first
        assert grown < 64 * MB, f"{grown // MB} MB in {runs} runs of {os.getpid()}"
