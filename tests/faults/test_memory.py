"""Memory stays below its limit, and many runs leave nothing behind."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import psutil
import pytest

import propload
from tests.faults import loading
from tests.faults.server import ask, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(2_400)

MB = 1 << 20


def test_load_of_a_large_file_stays_below_the_memory_limit(dsn, tmp_path, long):
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
    arguments = ["ingest", file, "--to", dsn, "--table", "homes", "--mode", "append"]
    with loading.start(*arguments, "--max-memory", f"{limit}MB", "--json") as process:
        report = process.report()
    loading.counts_of(report)
    assert report["counts"]["inserted"] == rows * 1_000
    assert report["peak_memory_bytes"] < limit * MB
    assert ask(dsn, "SELECT count(*) FROM homes") == [(rows * 1_000,)]


#: Loads rows of a file, or generated ones, and prints its peak of memory.
LOADER = """
import re, sys
from pathlib import Path
import propload
dsn, rows, file = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
source = file or ({"id": n, "text": "x" * 400} for n in range(rows))
report = propload.ingest(
    source, to=dsn, table="homes", mode="append", progress=False, batch_rows=5_000,
    workers=2, max_memory="2GB", journal_bytes="20MB")
assert report.counts.inserted == rows, report
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak_of(dsn, rows, *file):
    """Return the peak of memory of a separate process that loads rows, in bytes."""
    run_sql(dsn, "TRUNCATE homes")
    with loading.start_python(LOADER, dsn, rows, *file) as process:
        assert process.wait() == 0, process.log
    return int(process.printed) * 1024


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system tells no peak"
)
@pytest.mark.parametrize("source_kind", ["file", "iterator"])
def test_four_times_the_rows_take_no_more_memory(dsn, tmp_path, source_kind):
    run_sql(dsn, "CREATE UNLOGGED TABLE homes (id bigint, text text)")
    small, peaks = 120_000, []
    for rows in (small, small * 4):
        file = tmp_path / f"{rows}.csv"
        with file.open("w") as stream:
            stream.write("id,text\n")
            stream.writelines(f"{n},{'x' * 400}\n" for n in range(rows))
        files = [file] if source_kind == "file" else []
        peaks.append(peak_of(dsn, rows, *files))
    # anything held for each row would show, multiplied by the number of rows
    more = small * 3 * 400
    assert peaks[1] - peaks[0] < more / 4, [f"{peak // MB} MB" for peak in peaks]


def open_resources():
    """Return the numbers of threads and open files of this process."""
    gc.collect()
    process = psutil.Process()
    return threading.active_count(), process.num_fds()


def test_runs_leave_no_thread_or_file_behind(dsn, tmp_path, chance, long):
    file = tmp_path / "homes.csv"
    loading.listings(400, chance=chance, bad=3).write_csv(file)
    settings = loading.settings(dsn)
    settings |= {"max_memory": "2GB"}

    def work():
        propload.ingest(str(file), **settings)
        with propload.Loader(**settings) as loader:
            loader.put([{"id": 1, "version": 1, "price": 1, "text": "x"}])
        with pytest.raises(propload.PropLoadError):
            propload.ingest(str(file), **{**settings, "key": "text"})

    for _ in range(3):
        work()
    before = open_resources()
    first = psutil.Process().memory_info().rss
    runs = 600 if long else 7
    for _ in range(runs):
        work()
    # a thread that closes a session may take a moment
    wait_until(
        lambda: all(
            after <= at_first
            for after, at_first in zip(open_resources(), before, strict=True)
        )
    )
    if long:
        grown = psutil.Process().memory_info().rss - first
        assert grown < 64 * MB, f"{grown // MB} MB in {runs} runs of {os.getpid()}"
