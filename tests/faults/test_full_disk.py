"""Full disks: no room for rejects, for the journal, or in the database."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from typing import ClassVar

import pytest
import scrapy
from scrapy.crawler import Crawler

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import JournalError, LoadError
from propload.sources.spiders import PropLoadPipeline
from propload.state.unfinished_runs import UnfinishedRunStore
from tests.faults import loading
from tests.faults.server import ask, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """Put the state folder on a disk of its own, of 256 KB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    monkeypatch.setenv("PROPLOAD_STATE_DIR", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk):
    """Leave no room on a disk; return the file to remove for it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            return ballast


def test_load_without_room_for_rejects_fails_and_can_be_resumed(
    dsn, small_disk, tmp_path, chance
):
    file = tmp_path / "homes.csv"
    frame = loading.listings(3_000, chance=chance, bad=300)
    frame.write_csv(file)
    run_sql(dsn, loading.table_sql(mode="append"))
    ballast = fill(small_disk)
    settings = loading.settings(dsn, mode="append")
    with pytest.raises(LoadError, match="No space left") as failed:
        propload.ingest(str(file), **settings)
    assert failed.value.exit_code == 1
    assert "state-dir" in str(failed.value)
    # not to run it again: in append mode, committed rows would be added twice
    assert "same command again" not in str(failed.value)

    ballast.unlink()
    report = propload.ingest(str(file), resume=True, **settings)
    report.counts.verify()
    assert (report.counts.read, report.counts.rejected) == (3_000, 300)
    assert report.rejects.height == 300
    assert report.rejects["propload_row"].n_unique() == 300
    assert loading.stored(dsn).equals(loading.expected(frame, mode="append"))


PUSHED = {"table": "homes", "key": "id", "progress": False, "batch_seconds": 0.05}


def rows_from(first, last):
    return [{"id": n, "text": "x" * 100} for n in range(first, last)]


def test_pushed_rows_without_room_in_the_journal_can_be_put_again(dsn, small_disk):
    loader = propload.Loader(to=dsn, **PUSHED)
    loader.put(rows_from(0, 100))
    ballast = fill(small_disk)
    with pytest.raises(JournalError, match="No space left"):
        loader.put(rows_from(100, 1_000))
    # none of these rows was accepted, so they may be put again
    ballast.unlink()
    loader.put(rows_from(100, 1_000))
    report = loader.close()
    report.counts.verify()
    assert report.counts.inserted == 1_000
    assert ask(dsn, "SELECT count(*), max(id) FROM homes") == [(1_000, 999)]
    assert not leftovers()


def test_run_without_room_for_its_report_can_be_recovered(dsn, small_disk):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, text text, price bigint)")
    loader = propload.Loader(to=dsn, **{**PUSHED, "batch_seconds": 60.0})
    loader.put([*rows_from(0, 100), {"id": 100, "price": "dear"}])
    unfinished = UnfinishedRunStore(small_disk / "runs")
    # rows are accepted as soon as there is a journal, shortly before the run is noted
    wait_until(unfinished.newest)
    ballast = fill(small_disk)
    with pytest.raises(LoadError, match="rejected rows cannot be written") as failed:
        loader.close()
    [left] = unfinished.newest()
    assert (left.run_id, left.status) == (failed.value.report.run_id, "killed")
    assert left.way == "recover"

    ballast.unlink()
    [report] = recover(to=dsn, progress=False)
    assert (report.counts.inserted, report.counts.rejected) == (100, 1)
    assert not unfinished.newest()


def test_full_journal_loses_no_row_of_a_generator(dsn, small_disk):
    yielded = []

    def rows():
        for number in range(10_000):
            yielded.append(number)
            yield {"id": number, "text": "x" * 1_000}

    with pytest.raises(LoadError, match="No space left") as failed:
        propload.ingest(rows(), to=dsn, **PUSHED)
    assert failed.value.exit_code == 1
    recover(to=dsn, progress=False)
    # the generator cannot yield a row twice: all that it yielded are loaded
    assert ask(dsn, "SELECT count(*) FROM homes") == [(len(yielded),)]
    assert not leftovers()


class Full:
    """A pipeline after the sink, which fills the disk after a hundred items."""

    def __init__(self, crawler):
        self.disk = crawler.spider.disk

    from_crawler = classmethod(lambda cls, crawler: cls(crawler))

    def process_item(self, item):
        if item["id"] == 99:
            fill(self.disk)
        return item


class Homes(scrapy.Spider):
    """Yields a thousand items."""

    name = "homes"
    start_urls = ("data:,x",)
    custom_settings: ClassVar = {
        "TWISTED_REACTOR_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "ITEM_PIPELINES": {PropLoadPipeline: 800, Full: 900},
        "DOWNLOAD_HANDLERS": {"http": None, "https": None},
        "PROPLOAD_TABLE": "homes",
        "PROPLOAD_KEY": "id",
        "PROPLOAD_FLUSH_ROWS": 20,
    }

    def parse(self, _response):
        yield from rows_from(0, 1_000)


def test_items_of_a_crawl_lost_to_a_full_journal_are_counted_and_logged(
    dsn, small_disk, caplog
):
    crawler = Crawler(Homes, {"PROPLOAD_TO": dsn})

    async def work():
        await crawler.crawl_async(disk=small_disk)

    caplog.set_level(logging.WARNING)
    asyncio.run(work())
    assert crawler.spider is None
    lost = crawler.stats.get_value("propload/lost")
    items = crawler.stats.get_value("propload/items")
    assert 0 < lost <= 900
    # even a log of warnings alone says why, and what to do about the other items
    message = f"{lost:,} items are lost, neither in the table nor in the journal (the "
    assert message in caplog.text
    assert "No space left on device" in caplog.text.partition(message)[2]
    (small_disk / "ballast").unlink()
    if leftovers():
        assert "load them with propload recover" in caplog.text
        recover(to=dsn, progress=False)
    assert ask(dsn, "SELECT count(*) FROM homes") == [(items - lost,)]


def test_load_without_room_in_the_database_fails_and_can_be_resumed(
    server, dsn, tmp_path, chance
):
    file = tmp_path / "homes.csv"
    frame = loading.listings(4_000, chance=chance)
    frame.write_csv(file)
    settings = loading.settings(dsn, retry_attempts=2, retry_seconds=0.5)
    folder = tablespace_folder(server)
    with SmallTablespace(server, folder):
        run_sql(dsn, loading.table_sql() + " TABLESPACE small")
        with pytest.raises(LoadError, match=r"53100|No space left") as failed:
            propload.ingest(str(file), **settings)
        assert failed.value.exit_code == 1
        assert "--resume" in str(failed.value)
        run_sql(dsn, "ALTER TABLE homes SET TABLESPACE pg_default")
        run_sql(dsn, "ALTER INDEX homes_pkey SET TABLESPACE pg_default")
        report = propload.ingest(str(file), resume=True, **settings)
    report.counts.verify()
    assert report.counts.read == 4_000
    assert loading.stored(dsn).equals(loading.expected(frame))


def tablespace_folder(server):
    return server.cluster.home / "small"


class SmallTablespace:
    """A tablespace on a disk of 256 KB, while the block runs."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder

    def __enter__(self):
        self.folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(self.folder)]
        if os.geteuid() or subprocess.run(command, check=False).returncode:
            self.folder.rmdir()
            pytest.skip("only root may mount a small disk")
        owner = self.server.cluster.data.stat()
        os.chown(self.folder, owner.st_uid, owner.st_gid)
        make = f"CREATE TABLESPACE small LOCATION '{self.folder}'"
        self.server.run_outside_transaction(make)

    def __exit__(self, *_):
        self.server.run_outside_transaction("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", str(self.folder)], check=True)
        self.folder.rmdir()
