"""What is read before a run has its turn, and what is not."""

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


def test_a_file_that_changes_while_the_lock_is_waited_for_is_read_after_that(
    database, homes
):
    done = []

    def load():
        done.append(
            propload.ingest(homes, lock=True, lock_wait=50, **settings(database))
        )

    loading = threading.Thread(target=load)
    with connect(database) as session:
        with target_lock(session, TableName("public", "homes")):
            loading.start()
            wait_until(
                lambda: query(database, "SELECT 1 FROM pg_locks WHERE NOT granted")
            )
            homes.write_text(NEW)
        loading.join(50)
    assert done[0].status == "loaded"
    assert prices(database) == [200, 200]


def test_a_run_is_known_by_the_file_that_it_has_read(database, homes, monkeypatch):
    begin_to_read, find_target = composing.read_ahead, composing.find_target

    def read_whole(*given):
        ahead = begin_to_read(*given)
        wait_until(lambda: not ahead.reader._thread.is_alive())
        return ahead

    def change(*given, **told):
        homes.write_text(NEW)
        return find_target(*given, **told)

    monkeypatch.setattr(composing, "read_ahead", read_whole)
    monkeypatch.setattr(composing, "find_target", change)
    read = fingerprint(homes)
    propload.ingest(homes, **settings(database))
    assert prices(database) == [100, 100]
    assert query(database, "SELECT fingerprint FROM propload.runs") == [(read,)]
    assert fingerprint(homes) != read


def test_a_run_that_is_refused_calls_no_code_of_the_user(database):
    called = []

    def mine(frame):
        called.append(frame.height)
        return frame

    rows = pl.LazyFrame({"id": [1, 2]}).map_batches(mine)
    with pytest.raises(propload.ConfigError, match="key"):
        propload.ingest(rows, to=database, table="homes", progress=False)
    assert called == []
    report = propload.ingest(rows, **settings(database))
    assert report.counts.inserted == 2
    assert called
