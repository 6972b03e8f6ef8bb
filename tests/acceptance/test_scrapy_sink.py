"""The sink in Scrapy's own processes, and spiders as sources, over real HTTP."""

import http.server
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest
import scrapy

from propload.errors import BlockedError, SourceError
from propload.sources.spiders import SpiderSource

pytestmark = pytest.mark.timeout(90)
REPOSITORY = Path(__file__).resolve().parents[2]

#: A loader that writes what it takes to a file, so that another process can look.
LOADER = """
import json, os, threading
from propload.errors import LoadError, QueueClosedError
from propload.report import Counts, Report, TargetName


class FileLoader:
    def __init__(self, **settings):
        self.table = settings["table"]
        if self.table == "no-database":
            raise LoadError("there is no database at this address")
        self.failed = None
        self.rows = 0
        self.held, self.coming = 0, None
        self.room, self.failures = [], []
        self.fallen = threading.Event()
        self.file = open(os.environ["TAKEN"], "a", buffering=1)

    def try_put(self, batch):
        if self.failed:
            raise QueueClosedError("stopped") from self.failed
        if self.table == "slow" and self.held:
            # room comes after the refusal, however slow the machine is
            if not self.coming:
                self.coming = threading.Timer(0.02, self.take)
                self.coming.start()
            return False
        self.rows += batch.rows.num_rows
        for row in batch.rows.to_pylist():
            self.file.write(json.dumps(row) + "\\n")
        if self.table == "slow":
            self.held += 1
        if self.table == "fails":
            threading.Timer(0.1, self.fail).start()
        return True

    def take(self):
        self.held, self.coming = 0, None
        for listener in self.room:
            listener()

    def fail(self):
        self.failed = LoadError("the database went away")
        for listener in self.failures:
            listener(self.failed)
        self.fallen.set()

    def on_room(self, listener):
        self.room.append(listener)

    def on_failed(self, listener):
        self.failures.append(listener)

    def close(self, *, whole):
        counts = Counts(read=self.rows, inserted=self.rows)
        report = Report("r", "loaded", "s", TargetName("d", "t"), counts, 1.0)
        if self.table == "fails":
            self.fallen.wait()
        if self.table == "hangs":
            threading.Event().wait()
        if self.table == "fails-late":
            raise LoadError("the last commit failed", report=report)
        if self.failed:
            raise self.failed
        return report

    def abort(self, error):
        self.failed = error
"""

SPIDER = """
import scrapy


class Homes(scrapy.Spider):
    name = "homes"
    site = pages = items = None

    async def start(self):
        for page in range(int(self.pages)):
            yield scrapy.Request(f"{self.site}/page/{page}")
        if self.site and self.hold == "yes":
            yield scrapy.Request(f"{self.site}/hold")

    hold = "no"

    def parse(self, response):
        for number in range(int(self.items or 10)):
            yield {"url": response.url, "number": number}
"""

#: A pipeline behind the sink: it prints what the sink has answered for.
ANSWERS = """
import json


class Answers:
    def process_item(self, item):
        print(json.dumps(item), flush=True)
        return item
"""

SETTINGS = """
BOT_NAME = "project"
SPIDER_MODULES = ["project.spiders"]
ITEM_PIPELINES = {"propload.sources.spiders.PropLoadPipeline": 800}
PROPLOAD_LOADER = "project.loader.FileLoader"
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
RETRY_ENABLED = False
LOG_LEVEL = "INFO"
"""


class Site(http.server.ThreadingHTTPServer):
    """Pages on loopback: /page/N, /hold (answered when released), /status/CODE."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.robots = ""
        self.held = threading.Event()
        self.released = threading.Event()
        self.served = []
        self.changed = threading.Condition()

    def note(self, path):
        with self.changed:
            self.served.append(path)
            self.changed.notify_all()

    def wait_for_pages(self, number):
        def pages():
            return sum(path.startswith("/page/") for path in self.served)

        with self.changed:
            assert self.changed.wait_for(lambda: pages() >= number, 60)


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # one packet an answer: else each waits 40 ms for the other side
    wbufsize = -1

    def do_GET(self):
        status, body = 200, b"<html>a page</html>"
        if self.path == "/robots.txt":
            body = self.server.robots.encode()
        elif self.path == "/hold":
            self.server.held.set()
            self.server.released.wait(60)
        elif self.path.startswith("/status/"):
            status = int(self.path.rpartition("/")[2])
        self.server.note(self.path)
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def site():
    server = Site()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def project(tmp_path, site):
    """Make a Scrapy project with the one settings line; value: starts its crawl."""
    package = tmp_path / "project"
    (package / "spiders").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "spiders" / "__init__.py").touch()
    (package / "spiders" / "homes.py").write_text(SPIDER)
    (package / "loader.py").write_text(LOADER)
    (package / "answers.py").write_text(ANSWERS)
    (package / "settings.py").write_text(SETTINGS)
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = project.settings\n")
    return Project(tmp_path, site)


class Project:
    def __init__(self, folder, site):
        self.folder = folder
        self.site = site
        self.taken = folder / "taken.ndjson"

    def start(self, table, *settings, pages=5, items=10, hold="no"):
        environment = {
            **os.environ,
            "TAKEN": str(self.taken),
            "PYTHONPATH": str(REPOSITORY),
        }
        arguments = {"site": self.site.url, "pages": pages, "items": items}
        command = [sys.executable, "-m", "scrapy", "crawl", "homes"]
        for name, value in {**arguments, "hold": hold}.items():
            command += ["-a", f"{name}={value}"]
        for setting in (f"PROPLOAD_TABLE={table}", *settings):
            command += ["-s", setting]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, table, *settings, **arguments):
        process = self.start(table, *settings, **arguments)
        _out, log = process.communicate(timeout=60)
        return process.returncode, log

    @property
    def rows(self):
        return self.taken.read_text().splitlines() if self.taken.exists() else []


REACTORS = [(), ("TWISTED_REACTOR_ENABLED=False",)]


@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
def test_a_crawl_loads_every_item(project, settings):
    code, log = project.run("homes", *settings, pages=30)
    assert code == 0, log
    assert len(set(project.rows)) == len(project.rows) == 300
    assert "'propload/rows_inserted': 300" in log
    assert "'finish_reason': 'finished'" in log


def test_a_crawl_without_the_asyncio_reactor_loads_every_item(project):
    code, log = project.run(
        "slow",
        "TWISTED_REACTOR=twisted.internet.selectreactor.SelectReactor",
        "PROPLOAD_FLUSH_ROWS=7",
    )
    assert code == 0, log
    assert len(set(project.rows)) == len(project.rows) == 50


def test_a_slow_loader_slows_the_crawl_and_loses_nothing(project):
    code, log = project.run("slow", "PROPLOAD_FLUSH_ROWS=100", pages=3, items=300)
    assert code == 0, log
    assert len(set(project.rows)) == len(project.rows) == 900
    assert "'propload/waits': 0" not in log


@pytest.mark.parametrize("table", ["no-database", "fails", "fails-late"])
@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
def test_a_failed_load_is_no_finished_crawl(project, table, settings):
    code, log = project.run(table, *settings, "PROPLOAD_FLUSH_ROWS=5")
    assert code == 1, log
    assert "'finish_reason': 'propload_failed'" in log
    assert "propload_failed: not every item of this crawl is loaded" in log


def test_a_failed_load_ends_a_crawl_with_a_long_way_to_go(project):
    # at this pace the crawl would last an hour
    code, log = project.run(
        "fails", "DOWNLOAD_DELAY=60", "PROPLOAD_FLUSH_ROWS=1", pages=60
    )
    assert code == 1, log
    assert "Closing spider (propload_failed)" in log


def test_scrapy_runspider_fails_alike(project):
    command = [sys.executable, "-m", "scrapy", "runspider", "project/spiders/homes.py"]
    command += ["-a", f"site={project.site.url}", "-a", "pages=1"]
    command += ["-s", "PROPLOAD_TABLE=no-database"]
    ran = subprocess.run(
        command,
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{project.folder}"},
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_flushes_what_was_read(project, number):
    process = project.start("homes", "PROPLOAD_FLUSH_SECONDS=3600", hold="yes")
    assert project.site.held.wait(60)
    project.site.wait_for_pages(5)
    process.send_signal(number)
    project.site.released.set()
    _out, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert len(project.rows) >= 50
    assert "'finish_reason': 'shutdown'" in log


def test_two_signals_end_a_crawl_whose_database_hangs(project):
    process = project.start("hangs", "PROPLOAD_FLUSH_ROWS=10", hold="yes")
    assert project.site.held.wait(60)
    project.site.wait_for_pages(5)
    process.send_signal(signal.SIGTERM)
    project.site.released.set()
    wait_for_log(process, "Closing spider (shutdown)")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    # what the loader had taken stays taken
    assert len(project.rows) >= 50


def test_items_that_were_answered_for_survive_a_kill(project):
    pipelines = {
        "propload.sources.spiders.PropLoadPipeline": 800,
        "project.answers.Answers": 900,
    }
    setting = f"ITEM_PIPELINES={json.dumps(pipelines)}"
    process = project.start("homes", setting, "PROPLOAD_FLUSH_SECONDS=0", hold="yes")
    answered = [process.stdout.readline() for _ in range(50)]
    process.kill()
    process.communicate(timeout=30)
    assert {line.strip() for line in answered} == set(project.rows)


def wait_for_log(process, text):
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the process ended without saying {text!r}")


# ---- spiders as sources ----


class Paths(scrapy.Spider):
    name = "paths"
    custom_settings: ClassVar = {
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "RETRY_TIMES": 1,
    }

    async def start(self):
        for path in self.paths.split():
            yield scrapy.Request(self.site + path)

    def parse(self, response):
        yield {"url": response.url}


def source_of(site, *paths, **settings):
    return SpiderSource(Paths, {"site": site.url, "paths": " ".join(paths)}, settings)


def rows_of(source):
    return [row for batch in source for row in batch.rows.to_pylist()]


def test_a_site_is_read_twice_in_one_process_and_quietly(site, caplog, capfd):
    for _ in range(2):
        source = source_of(site, *(f"/page/{n}" for n in range(20)))
        assert len(rows_of(source)) == 20
        assert source.outcome.pages == 20
        assert source.outcome.statuses == {200: 20}
    loud = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert loud == []
    assert capfd.readouterr() == ("", "")


def test_missing_pages_are_counted_and_named(site):
    source = source_of(site, "/page/1", "/status/500", "/status/404")
    assert len(rows_of(source)) == 1
    assert (source.outcome.lost_pages, source.outcome.gone_pages) == (1, 1)
    assert any("/status/500 is missing: HTTP 500" in note for note in source.notes)


def test_a_site_that_is_not_there_is_a_source_error(site):
    url = site.url
    site.shutdown()
    site.server_close()
    with pytest.raises(SourceError, match="no items from 0 pages") as caught:
        rows_of(SpiderSource(Paths, {"site": url, "paths": "/page/1"}))
    assert "/page/1 is missing" in str(caught.value)


def test_robots_txt_that_forbids_everything_blocks(site):
    site.robots = "User-agent: *\nDisallow: /"
    source = source_of(site, "/page/1", "/page/2")
    with pytest.raises(BlockedError, match=r"robots\.txt forbids 2 pages"):
        rows_of(source)
    assert source.outcome.robots_forbidden == 2
    assert site.served == ["/robots.txt"]


def test_a_site_that_refuses_every_page_blocks(site):
    with pytest.raises(BlockedError, match="HTTP 403"):
        rows_of(source_of(site, "/status/403"))


def test_stop_takes_back_requests_that_wait_for_their_turn(site):
    pages = [f"/page/{number}" for number in range(50)]
    source = source_of(site, *pages, DOWNLOAD_DELAY=60, ROBOTSTXT_OBEY=False)
    rows = iter(source)
    assert next(rows).rows.num_rows == 1
    source.stop()
    assert list(rows) == []
    assert source.outcome.finish_reason == "shutdown"
    assert len(site.served) < 5
