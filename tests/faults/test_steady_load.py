"""A crawl-like load at a steady rate: no memory, thread or open file is left behind."""

from __future__ import annotations

import json
import statistics
import threading
import time
from dataclasses import dataclass

import psutil
import pytest

from tests.faults import loading
from tests.faults.server import ask
from tests.integration.reading import run_sql

#: Half an hour, and the server's start and end.
pytestmark = pytest.mark.timeout(2_400)

#: Listings of one result page, which a crawl hands over together.
PAGE = 15
#: Keys that recur, each time in a newer version.
KEYS = 20_000
#: Letters of a row's text, so that a row takes more than a kilobyte in memory.
LETTERS = 1_000
#: Bytes that a pushed row may add to the process. In half an hour even the smallest
#: Python object kept for each row (16 bytes) shows; in seconds it is lost in what
#: allocators retain, and only a row that is kept as a whole shows.
MOST_PER_ROW = {"long": 16, "short": 1_000}
#: Pushes pages at a steady rate; prints its threads and files before and after.
PUSHER = """
import gc, json, sys, threading, time
import psutil
import propload
dsn, rows, rate, page, keys, letters = sys.argv[1], *map(int, sys.argv[2:])
text = "x" * letters
told = {"to": dsn, "table": "homes", "key": "id", "newest": "version",
        "progress": False}

def held():
    gc.collect()
    return threading.active_count(), psutil.Process().num_fds()

def rows_from(first):
    return [{"id": n % keys, "version": n, "price": n * 7.5, "text": f"{n} {text}"}
            for n in range(first, first + page)]

# what a process opens once, it keeps
with propload.Loader(**told) as loader:
    loader.put(rows_from(0))
before = held()
never, start, pushed = threading.Event(), time.monotonic(), 0
with propload.Loader(**told) as loader:
    print("begun", flush=True)
    while pushed < rows:
        never.wait(pushed / rate - (time.monotonic() - start))
        loader.put(rows_from(pushed + page))
        pushed += page
    print("ended", flush=True)
loader.report.counts.verify()
print(json.dumps({"before": before, "after": held(),
                  "counts": loader.report.as_dict()["counts"],
                  "retries": loader.report.retries}))
"""


@dataclass(frozen=True)
class Sample:
    """What a process held at one moment.

    Attributes:
        seconds: Since the first sample.
        rss: Bytes of memory.
        threads: How many.
        handles: Open files, sockets and pipes.
    """

    seconds: float
    rss: int
    threads: int
    handles: int


def watch(process, *, every):
    """Return samples of a process, taken until it prints that its work has ended."""
    observed, never = psutil.Process(process.pid), threading.Event()
    start, samples = time.monotonic(), []
    while "ended\n" not in process.out:
        assert not process.ended, process.log
        with observed.oneshot():
            sample = Sample(
                time.monotonic() - start,
                observed.memory_info().rss,
                observed.num_threads(),
                observed.num_fds(),
            )
        samples.append(sample)
        never.wait(every)
    return samples


def slope(samples, name):
    """Return how much a figure grows in a second, by least squares."""
    times = [each.seconds for each in samples]
    values = [getattr(each, name) for each in samples]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    shared = sum(
        (time - middle) * (value - mean)
        for time, value in zip(times, values, strict=True)
    )
    return shared / sum((time - middle) ** 2 for time in times)


def test_memory_threads_and_handles_do_not_grow(dsn, long):
    run_sql(
        dsn,
        "CREATE TABLE homes (id bigint PRIMARY KEY, version bigint, "
        "price double precision, text text)",
    )
    form = "long" if long else "short"
    # a steady crawl of many sites; the short form pushes faster to see as much
    seconds, rate = (1_800, 500) if long else (20, 1_500)
    # this many in any case: a machine that cannot keep up takes longer
    rows = seconds * rate
    arguments = (dsn, rows, rate, PAGE, KEYS, LETTERS)
    with loading.start_python(PUSHER, *arguments) as process:
        process.wait_for("begun")
        samples = watch(process, every=seconds / 600)
        assert process.wait() == 0, process.log
        result = json.loads(process.out[-1])
    half = len(samples) // 2
    first, second = samples[:half], samples[half:]
    gained = {name: slope(second, name) for name in ("rss", "threads", "handles")}
    per_row = gained["rss"] * samples[-1].seconds / rows
    figures = (
        f"{rows} rows in {samples[-1].seconds:.0f} s: {per_row:+.2f} bytes "
        f"per row; {second[0].rss >> 20} to {second[-1].rss >> 20} MB, highest "
        f"{max(each.rss for each in samples) >> 20} MB; {second[-1].threads} threads, "
        f"{second[-1].handles} handles; gained in a second: {gained}"
    )
    print(figures)  # noqa: T201 - what the long form is run for
    assert result["counts"]["read"] == rows
    assert ask(dsn, "SELECT max(version) FROM homes") == [(rows + PAGE - 1,)]
    assert per_row < MOST_PER_ROW[form], figures
    for name in ("threads", "handles"):
        highest = max(getattr(each, name) for each in first)
        # a file that is open for a moment, as journals change, is not left behind
        usual = statistics.median(getattr(each, name) for each in second)
        assert usual <= highest, figures
        # the smallest leak would be a whole one gained in the observed time
        assert gained[name] * samples[-1].seconds < 1, figures
    for left, before in zip(result["after"], result["before"], strict=True):
        assert left <= before, (result, figures)
