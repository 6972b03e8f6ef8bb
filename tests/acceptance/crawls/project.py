"""A Scrapy project with the sink, whose loader another process can observe."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
#: A loader that writes its rows to a file, for another process to read.
LOADER = """
import json, logging, os, threading
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
        logging.getLogger("loader").info("all rows came: %s", whole)
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
        if self.site and self.last:
            yield scrapy.Request(f"{self.site}/{self.last}")

    last = ""

    def parse(self, response):
        for number in range(int(self.items or 10)):
            yield {"url": response.url, "number": number}
"""
#: A pipeline after the sink, which prints the items that the sink has passed on.
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


class Project:
    def __init__(self, folder, site):
        self.folder = folder
        self.site = site
        self.rows_file = folder / "taken.ndjson"

    def start(self, table, *settings, pages=5, items=10, last=""):
        environment = {
            **os.environ,
            "TAKEN": str(self.rows_file),
            "PYTHONPATH": str(REPOSITORY),
        }
        arguments = {"site": self.site.url, "pages": pages, "items": items}
        command = [sys.executable, "-m", "scrapy", "crawl", "homes"]
        for name, value in {**arguments, "last": last}.items():
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
        return (
            self.rows_file.read_text().splitlines() if self.rows_file.exists() else []
        )
