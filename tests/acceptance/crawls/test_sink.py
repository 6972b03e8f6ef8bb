"""The sink in Scrapy's own processes, over real HTTP."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.acceptance.crawls.project import REPOSITORY

pytestmark = pytest.mark.timeout(90)

REACTORS = [(), ("TWISTED_REACTOR_ENABLED=False",)]
ADDON = 'ADDONS={"propload.sources.spiders.PropLoadAddon": 500}'


@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
def test_crawl_loads_every_item(project, settings):
    code, log = project.run("homes", *settings, pages=30)
    assert code == 0, log
    assert len(set(project.rows)) == len(project.rows) == 300
    assert "'propload/rows_inserted': 300" in log
    assert "'finish_reason': 'finished'" in log


def test_crawl_without_the_asyncio_reactor_loads_every_item(project):
    code, log = project.run(
        "slow",
        "TWISTED_REACTOR=twisted.internet.selectreactor.SelectReactor",
        "PROPLOAD_FLUSH_ROWS=7",
    )
    assert code == 0, log
    assert len(set(project.rows)) == len(project.rows) == 50


def test_slow_loader_slows_the_crawl_and_loses_nothing(project):
    code, log = project.run("slow", "PROPLOAD_FLUSH_ROWS=100", pages=3, items=300)
    assert code == 0, log
    assert len(set(project.rows)) == len(project.rows) == 900
    assert "'propload/waits': 0" not in log


@pytest.mark.parametrize("table", ["no-database", "fails", "fails-late"])
@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
def test_crawl_whose_load_failed_does_not_count_as_finished(project, table, settings):
    code, log = project.run(table, *settings, "PROPLOAD_FLUSH_ROWS=5")
    assert code == 1, log
    assert "'finish_reason': 'propload_failed'" in log
    assert "propload_failed: not every item of this crawl is loaded" in log


def test_failed_load_ends_a_crawl_that_would_last_long(project):
    # at this pace the crawl would last an hour
    code, log = project.run(
        "fails", "DOWNLOAD_DELAY=60", "PROPLOAD_FLUSH_ROWS=1", pages=60
    )
    assert code == 1, log
    assert "Closing spider (propload_failed)" in log


def test_scrapy_runspider_exits_with_1_if_the_load_fails(project):
    command = [sys.executable, "-m", "scrapy", "runspider", "project/spiders/homes.py"]
    command += ["-a", f"site={project.site.url}", "-a", "pages=1"]
    command += ["-s", "PROPLOAD_TABLE=no-database"]
    completed = subprocess.run(
        command,
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{project.folder}"},
        timeout=60,
        check=False,
    )
    assert completed.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_flushes_the_items_read_so_far(project, number):
    process = project.start("homes", "PROPLOAD_FLUSH_SECONDS=3600", last="hold")
    assert project.site.held.wait(60)
    project.site.wait_for_pages(5)
    process.send_signal(number)
    project.site.released.set()
    _out, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert len(project.rows) >= 50
    assert "'finish_reason': 'shutdown'" in log


def test_two_signals_end_a_crawl_whose_database_hangs(project):
    process = project.start("hangs", "PROPLOAD_FLUSH_ROWS=10", last="hold")
    assert project.site.held.wait(60)
    project.site.wait_for_pages(5)
    process.send_signal(signal.SIGTERM)
    project.site.released.set()
    wait_for_log(process, "Closing spider (shutdown)")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    # the items that the loader had accepted are not lost
    assert len(project.rows) >= 50


@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
def test_two_signals_lose_no_item_that_was_being_collected(project, settings):
    collecting = ("PROPLOAD_FLUSH_SECONDS=3600", "PROPLOAD_FLUSH_ROWS=1000")
    # `Answers` prints the items before they reach the sink
    sinks = {
        "project.answers.Answers": 700,
        "propload.sources.spiders.PropLoadPipeline": 800,
    }
    pipelines = f"ITEM_PIPELINES={json.dumps(sinks)}"
    process = project.start("homes", *collecting, pipelines, *settings, last="hold")
    printed = [process.stdout.readline() for _ in range(50)]
    assert all(printed)
    # a page that is held keeps the crawl from ending by itself
    process.send_signal(signal.SIGINT)
    wait_for_log(process, "Closing spider (shutdown)")
    process.send_signal(signal.SIGINT)
    _out, log = process.communicate(timeout=30)
    assert len(project.rows) == 50
    assert (
        "ended immediately while 50 items were still collected: all are handed" in log
    )


def test_items_passed_on_by_the_sink_survive_a_kill(project):
    pipelines = {
        "propload.sources.spiders.PropLoadPipeline": 800,
        "project.answers.Answers": 900,
    }
    setting = f"ITEM_PIPELINES={json.dumps(pipelines)}"
    process = project.start("homes", setting, "PROPLOAD_FLUSH_SECONDS=0", last="hold")
    printed = [process.stdout.readline() for _ in range(50)]
    process.kill()
    process.communicate(timeout=30)
    assert {line.strip() for line in printed} == set(project.rows)


def wait_for_log(process, text):
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the process ended without saying {text!r}")


DUMMY = "STATS_CLASS=scrapy.statscollectors.DummyStatsCollector"


@pytest.mark.parametrize("last", ["large", "packed", "broken", "status/500"])
@pytest.mark.parametrize(
    "settings", [(), (DUMMY,), (ADDON,)], ids=["pipeline", "no stats", "add-on"]
)
def test_crawl_that_lost_a_page_lacks_rows(project, settings, last):
    code, log = project.run("homes", *settings, "DOWNLOAD_MAXSIZE=50000", last=last)
    assert code == 0, log
    assert "all rows came: False" in log


@pytest.mark.parametrize("last", ["large", "packed", "status/404"])
@pytest.mark.parametrize("settings", [(), (ADDON,)], ids=["pipeline", "add-on"])
def test_a_crawl_that_got_every_page_lacks_nothing(project, settings, last):
    _code, log = project.run("homes", *settings, last=last)
    assert "all rows came: True" in log
