"""What is read before a run gets its turn, and what is not."""

import threading

import polars as pl
import pytest

import propload
from propload.options import SourceOptions
from propload.postgres.session.connection import connect
from propload.postgres.session.locking import target_lock
from propload.running import composing
from propload.sources import open_source
from propload.target import TableName
from tests.faults.server import wait_until
from tests.integration.reading import query, read_table
from tests.sessions import WAITING_FOR_A_RUN

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

OLD, NEW = (f"id,price\n1,{price}\n2,{price}\n" for price in (100, 200))


@pytest.fixture
def homes(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text(OLD)
    return path


def settings(database):
    return {"to": database, "table": "homes", "key": "id", "progress": False}


def fingerprint(path):
    return open_source(path, SourceOptions()).fingerprint()


def prices(database):
    return read_table(database, "homes")["price"].to_list()


def test_file_changed_while_waiting_for_the_lock_is_read_afterwards(database, homes):
    reports = []

    def load():
        reports.append(
            propload.ingest(homes, lock=True, lock_wait=50, **settings(database))
        )

    loading = threading.Thread(target=load)
    with connect(database) as session:
        with target_lock(session, TableName("public", "homes")):
            loading.start()
            wait_until(lambda: query(database, WAITING_FOR_A_RUN))
            homes.write_text(NEW)
        loading.join(50)
    assert reports[0].status == "loaded"
    assert prices(database) == [200, 200]


def test_run_records_the_fingerprint_of_the_file_as_it_was_read(
    database, homes, monkeypatch
):
    begin_to_read, find_target = composing.read_ahead, composing.find_target

    def read_whole(*args):
        ahead = begin_to_read(*args)
        wait_until(lambda: not ahead.reader._thread.is_alive())
        return ahead

    def change(*args, **kwargs):
        homes.write_text(NEW)
        return find_target(*args, **kwargs)

    monkeypatch.setattr(composing, "read_ahead", read_whole)
    monkeypatch.setattr(composing, "find_target", change)
    fingerprint_read = fingerprint(homes)
    propload.ingest(homes, **settings(database))
    assert prices(database) == [100, 100]
    assert query(database, "SELECT fingerprint FROM propload.runs") == [
        (fingerprint_read,)
    ]
    assert fingerprint(homes) != fingerprint_read


def test_refused_run_calls_no_user_code(database):
    heights = []

    def record(frame):
        heights.append(frame.height)
        return frame

    rows = pl.LazyFrame({"id": [1, 2]}).map_batches(record)
    with pytest.raises(propload.ConfigError, match="key"):
        propload.ingest(rows, to=database, table="homes", progress=False)
    assert heights == []
    report = propload.ingest(rows, **settings(database))
    assert report.counts.inserted == 2
    assert heights
