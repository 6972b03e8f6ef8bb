"""A server that has lost what it had confirmed, as after a failover."""

from contextlib import contextmanager

import polars as pl
import pytest

import propload
from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, LoadError
from propload.journal import segments
from propload.postgres.ledger.database_ledger import DatabaseLedger
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(120)

LOST = "the server has lost rows of run .* that it had confirmed"
ROWS = [{"id": one, "v": f"v{one}"} for one in range(100)]
SETTINGS = {"table": "homes", "mode": "append", "workers": 1, "batch_rows": 10}


SHADOWS = """
SELECT oid::regclass::text FROM pg_class
WHERE relname LIKE 'propload_shadow%' AND relkind = 'r'"""


@pytest.fixture
def losing(database):
    """Return a context in which rows vanish before a call of the ledger."""
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, v text)")

    def filled():
        return ["homes", *(one for (one,) in query(database, SHADOWS))]

    @contextmanager
    def losing(rows_from, method, batch=None):
        original = getattr(DatabaseLedger, method)

        def call(ledger, connection, *arguments):
            if batch is None or arguments[0].batch == batch:
                run_sql(
                    database,
                    *(f"DELETE FROM {one} WHERE id >= {rows_from}" for one in filled()),
                    f"DELETE FROM propload.ledger WHERE through_row > {rows_from}",
                )
            return original(ledger, connection, *arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DatabaseLedger, method, call)
            yield

    return losing


def ids(database):
    return [one for (one,) in query(database, "SELECT id::int FROM homes ORDER BY id")]


@pytest.mark.parametrize("rows_from", [0, 20])
@pytest.mark.parametrize("before", [("record", 5), ("enter_end",)])
def test_lost_rows_are_noticed_and_loaded_by_resume(
    database, losing, rows_from, before
):
    frame = pl.DataFrame(ROWS)
    with (
        losing(rows_from, *before),
        pytest.raises(LoadError, match=f"{LOST}.*To continue: ") as caught,
    ):
        propload.ingest(frame, to=database, **SETTINGS)
    assert caught.value.report.status == "failed"
    assert ids(database) == list(range(rows_from))
    run_id = caught.value.report.run_id
    report = propload.ingest(frame, to=database, resume=run_id, **SETTINGS)
    assert (report.status, report.counts.inserted) == ("loaded", 100)
    assert ids(database) == list(range(100))


def test_rows_in_the_journal_follow_those_that_were_lost(database, losing):
    with (
        losing(20, "record", 5),
        pytest.raises(LoadError, match=f"{LOST}.* wait in the journal") as caught,
    ):
        propload.ingest(iter(ROWS), to=database, **SETTINGS)
    recover(caught.value.report.run_id, to=database)
    stored = ids(database)
    assert stored[:20] == list(range(20))
    assert stored[-50:] == list(range(50, 100))


def push(database, settings):
    """Push ten rows at a time: the journal lets go of each ten once committed."""
    with propload.Loader(to=database, **settings) as loader:
        for first in range(0, 100, 10):
            loader.put(ROWS[first : first + 10])


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_rows_lost_by_server_and_journal_are_counted_and_never_left_out_of_a_replace(
    database, losing, mode, monkeypatch
):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    settings = SETTINGS | {"mode": mode}
    with losing(20, "record", 8), pytest.raises(LoadError, match=LOST) as caught:
        push(database, settings)
    run_id = caught.value.report.run_id
    if mode == "replace":
        with pytest.raises(
            ConfigError, match=r"has lost \d+ that the journal no longer"
        ):
            recover(run_id, to=database)
        assert ids(database) == []
        return
    [report] = recover(run_id, to=database)
    stored = ids(database)
    assert report.counts.inserted == len(stored) < 100
    assert stored[:20] == list(range(20))
    assert stored[20:] == list(range(120 - len(stored), 100))
