"""Run loads in processes of their own, and compute what they should have loaded."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading

import polars as pl

import propload
from tests.faults.server import commits_of, wait_until
from tests.integration.reading import read_table

KEY = ["id"]
#: Rows per batch: few, so that a load can be interrupted at many points.
BATCH_ROWS = 250


def listings(rows, *, chance, keys=None, bad=0):
    """Return versions of rows, some of them with a price that is not a number.

    Args:
        rows: The number of rows.
        chance: A `random.Random`.
        keys: The number of different keys; by default each row has its own.
        bad: The number of rows whose price is not a number.
    """
    frame = pl.DataFrame(
        {
            "id": [n % (keys or rows) for n in range(rows)],
            "version": chance.sample(range(rows * 10), rows),
            "price": [str(n * 7) for n in range(rows)],
            "text": [f"row {n} é'\"" for n in range(rows)],
        }
    )
    refused = chance.sample(range(rows), bad)
    number = pl.int_range(pl.len())
    return frame.with_columns(
        pl.when(number.is_in(refused))
        .then(pl.lit("dear"))
        .otherwise("price")
        .alias("price")
    )


TABLE = "CREATE TABLE {name} (id bigint {key}, version bigint, price bigint, text text)"


def table_sql(name="homes", *, mode="upsert"):
    return TABLE.format(name=name, key="" if mode == "append" else "PRIMARY KEY")


def expected(frame, *, mode="upsert"):
    """Return the rows that the table must hold after the load, sorted."""
    good = frame.with_columns(pl.col("price").cast(pl.Int64, strict=False)).filter(
        pl.col("price").is_not_null()
    )
    if mode == "upsert":
        good = good.sort("version").unique("id", keep="last")
    return good.sort("id", "version")


def stored(dsn, name="homes"):
    return read_table(dsn, name).sort("id", "version")


def settings(dsn, *, mode="upsert", **more):
    """Return settings for `propload.ingest`."""
    ordered = {"key": "id", "newest": "version"} if mode == "upsert" else {}
    chosen = {"to": dsn, "table": "homes", "mode": mode, "progress": False}
    return {**chosen, **ordered, "batch_rows": BATCH_ROWS, **more}


def arguments(dsn, *, mode="upsert", **more):
    """Return the same settings as flags of the command line."""
    flags = []
    for name, value in settings(dsn, mode=mode, **more).items():
        flag = "--" + name.replace("_", "-")
        if name != "progress":
            flags += [flag] if value is True else [flag, str(value)]
    return flags


class Process:
    """A process whose output is collected, and which is killed when a block ends."""

    def __init__(self, *command, stdin=None, **options):
        self.popen = subprocess.Popen(
            command,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.out, self.err = [], []
        self._line = threading.Condition()
        pairs = ((self.popen.stdout, self.out), (self.popen.stderr, self.err))
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in pairs
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def _read(self, stream, lines):
        for line in stream:
            with self._line:
                lines.append(line)
                self._line.notify_all()

    @property
    def pid(self):
        return self.popen.pid

    @property
    def ended(self):
        return self.popen.poll() is not None

    def wait_for(self, text, *, seconds=60):
        """Wait until a line of the output or the log contains a text."""

        def is_written():
            return any(text in line for line in [*self.out, *self.err])

        with self._line:
            assert self._line.wait_for(is_written, seconds), self.log

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """Kill the process, unless it has ended, and return its exit code."""
        self.popen.kill()
        return self.wait()

    def wait(self, seconds=120):
        """Wait until the process has ended and its output is read; return its code."""
        code = self.popen.wait(seconds)
        for reader in self._readers:
            reader.join(seconds)
        self.popen.stdout.close()
        self.popen.stderr.close()
        return code

    @property
    def log(self):
        return "".join(self.err)

    @property
    def printed(self):
        return "".join(self.out)

    def report(self, *, code=0):
        """Wait for the end, check the exit code, and return the printed report."""
        ended = self.wait()
        assert ended == code, f"exit {ended}\n{self.log}"
        return json.loads(self.printed)


def pipe_of(text):
    """Return the reading end of a pipe that supplies a text."""
    reading, writing = os.pipe()

    def write():
        # the reader may be killed before the end
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "w") as stream:
            stream.write(text)

    threading.Thread(target=write, daemon=True).start()
    return os.fdopen(reading)


def start(*arguments, stdin=None, **environment):
    """Start `propload` with these arguments."""
    command = [sys.executable, "-m", "propload", *map(str, arguments)]
    return Process(*command, stdin=stdin, env={**os.environ, **environment})


def start_python(code, *arguments, **options):
    """Start a Python program given as text."""
    return Process(sys.executable, "-c", code, *map(str, arguments), **options)


def counts_of(report):
    """Return the counts of a printed report, after checking that they add up."""
    counts = propload.Counts(**report["counts"])
    counts.verify()
    return counts


def crawl_arguments(site):
    """Return the arguments for a crawl of the whole demo site at full speed."""
    arguments = {"place": ",".join(site.places), "base_url": site.url, "details": "off"}
    scrapy_settings = {"DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False}
    scrapy_settings |= {"CONCURRENT_REQUESTS": 4, "CONCURRENT_REQUESTS_PER_DOMAIN": 4}
    scrapy_settings |= {"PROPLOAD_FLUSH_ROWS": 10}
    flags = [["-a", f"{name}={value}"] for name, value in arguments.items()]
    flags += [["--set", f"{name}={value}"] for name, value in scrapy_settings.items()]
    return [word for pair in flags for word in pair]


def kill_at_random(process, dsn, chance, *, max_commits=30):
    """Kill a load shortly after a random number of commits, if it still runs then."""
    enough_commits = commits_of(dsn) + chance.randint(1, max_commits)
    wait_until(lambda: process.ended or commits_of(dsn) >= enough_commits)
    threading.Event().wait(chance.uniform(0, 0.02))
    return process.kill()
