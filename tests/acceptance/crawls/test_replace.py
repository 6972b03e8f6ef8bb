"""The sink with its real loader: a crawl that was cut off replaces no table."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]
REPOSITORY = Path(__file__).resolve().parents[3]

SPIDER = """
import asyncio, sys
from dataclasses import dataclass

import scrapy
from scrapy.exceptions import CloseSpider


@dataclass
class Agent:
    id: int
    unknown: str


# nobody listens at the second address
PAGES = {"raised": "data:,x", "lost": "http://127.0.0.1:1/"}


class Homes(scrapy.Spider):
    name = "homes"
    custom_settings = {
        "ITEM_PIPELINES": {"propload.sources.spiders.PropLoadPipeline": 800},
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "PROPLOAD_MODE": "replace",
        "PROPLOAD_TABLE": "homes",
        "PROPLOAD_KEY": "id",
        "PROPLOAD_FLUSH_ROWS": 1,
    }

    async def start(self):
        for number in range(100):
            if number == 7:
                await getattr(self, self.ending)()
            yield {"id": number, "day": 1}
            if number == 7 and self.ending in PAGES:
                yield scrapy.Request(PAGES[self.ending])
            if number == 7 and self.ending == "other_target":
                yield Agent(1, "no such column")
                await asyncio.Event().wait()

    async def finished(self):
        pass

    other_target = raised = lost = finished

    def parse(self, response):
        raise ValueError("no such field")

    async def start_error(self):
        raise ValueError("the site went away")

    async def enough(self):
        raise CloseSpider("enough")

    async def shutdown(self):
        print("7 items", file=sys.stderr, flush=True)
        await asyncio.Event().wait()
"""
TARGETS = (
    '{"Agent": {"table": "agents", "key": "id", "mode": "upsert", "batch_seconds": 0}}'
)


@pytest.fixture
def crawl(database, tmp_path):
    """Create tables of old rows; return a function that crawls.

    It returns the exit code and the log of the crawl.
    """
    run_sql(
        database,
        "CREATE TABLE homes (id bigint PRIMARY KEY, day bigint)",
        "CREATE TABLE agents (id bigint PRIMARY KEY)",
        "INSERT INTO homes SELECT n, 0 FROM generate_series(0, 499) AS n",
    )
    path = tmp_path / "homes.py"
    path.write_text(SPIDER)

    def run(ending, *settings):
        command = [sys.executable, "-m", "scrapy", "runspider", str(path)]
        command += ["-a", f"ending={ending}", "-s", f"PROPLOAD_TO={database}"]
        process = subprocess.Popen(
            command + [word for one in settings for word in ("-s", one)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stderr=subprocess.PIPE,
            text=True,
        )
        log = []
        for line in process.stderr:
            log.append(line)
            if line == "7 items\n":
                process.send_signal(signal.SIGINT)
        process.stderr.close()
        return process.wait(60), "".join(log)

    return run


def stored(database):
    return set(read_table(database, "homes").select("id", "day").rows())


OLD = {(number, 0) for number in range(500)}


def test_finished_crawl_replaces_the_table(crawl, database):
    code, log = crawl("finished")
    assert code == 0, log
    assert stored(database) == {(number, 1) for number in range(100)}
    assert leftovers() == []


@pytest.mark.parametrize("ending", ["start_error", "shutdown", "enough"])
def test_crawl_that_was_cut_off_keeps_the_old_rows(crawl, database, ending):
    code, log = crawl(ending)
    assert code == 1, log
    assert stored(database) == OLD, log
    assert f"not all rows came: the crawl ended early: {ending}" in log
    assert ". public.homes keeps its old rows" in log
    # the rows are not lost: they are recovered if the run is named
    assert recover(to=database) == []
    [left] = leftovers()
    assert f"propload recover {left.run_id}" in log
    recover(left.run_id, to=database)
    assert stored(database) == {(number, 1) for number in range(7)}


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("raised", "the spider raised 1 exception: rows may be missing"),
        ("lost", "1 page could not be fetched, even after all retries"),
    ],
)
def test_crawl_that_lacks_rows_keeps_the_old_rows(crawl, database, ending, message):
    # even a log of errors alone says why the exit code is 1
    code, log = crawl(ending, "LOG_LEVEL=ERROR")
    assert code == 1, log
    assert stored(database) == OLD, log
    assert f"not all rows came: {message}. public.homes keeps its old rows" in log
    [left] = leftovers()
    recover(left.run_id, to=database)
    assert stored(database) == {(number, 1) for number in range(100)}


def test_failing_target_keeps_the_old_rows_of_the_others(crawl, database):
    code, log = crawl("other_target", f"PROPLOAD_TARGETS={TARGETS}")
    assert code == 1, log
    assert "'finish_reason': 'propload_failed'" in log
    assert stored(database) == OLD, log
    assert "not all rows came: the crawl ended early: propload_failed" in log
