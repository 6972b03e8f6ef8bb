"""Loaders in forks, under interrupts and after failures."""

import queue
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import ConfigError, JournalError, LoadError
from propload.pipeline import reading
from propload.postgres.session.connection import connect
from propload.postgres.session.locking import take, target_lock
from propload.pushing import PushedSource
from propload.running import stopping
from propload.running.run import Run
from propload.target import TableName
from propload.testing import MemorySource
from tests.faults.server import wait_until
from tests.integration.reading import query, read_table, run_sql
from tests.sessions import WAITING_FOR_A_RUN

pytestmark = pytest.mark.timeout(60)

FORKING_SCRIPT = """
import os, sys
import propload
with propload.Loader(to=sys.argv[1], table="homes", key="id") as loader:
    loader.put({"id": 1})
    child = os.fork()
    if not child:
        try:
            eval(sys.argv[2])
        except propload.ConfigError as error:
            print(error, flush=True)
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    loader.put({"id": 3})
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize(
    "action", ['loader.put({"id": 2})', "loader.abort(ValueError())"]
)
def test_loader_cannot_be_used_in_a_forked_process(action, database):
    process = subprocess.run(
        [sys.executable, "-c", FORKING_SCRIPT, database, action],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    message, code = process.stdout.splitlines()
    assert "open one in each process" in message
    assert code == "7"
    assert sorted(read_table(database, "homes")["id"]) == [1, 3]


HOMES = {"table": "homes", "key": "id", "progress": False}


def test_loader_interrupted_while_opening_leaves_no_thread_and_no_lock(
    database, monkeypatch
):
    def interrupt_on_wait(_source):
        wait_until(lambda: query(database, WAITING_FOR_A_RUN))
        raise KeyboardInterrupt

    monkeypatch.setattr(PushedSource, "journal", interrupt_on_wait)
    before = set(threading.enumerate())
    with connect(database) as session:
        with (
            target_lock(session, TableName("public", "homes")),
            pytest.raises(KeyboardInterrupt),
        ):
            propload.Loader(to=database, lock=True, lock_wait=50, **HOMES)
        started = set(threading.enumerate()) - before
        for thread in started:
            # a thread that was told to end may not have ended yet
            if thread.name.startswith("propload"):
                thread.join(20)
                assert not thread.is_alive(), thread.name
        assert take(session, "target:public.homes")


def test_error_of_the_with_block_is_raised_and_notes_that_of_the_load(
    database, monkeypatch
):
    def fail(_loader, *, whole):
        msg = "the load says something else"
        raise ConfigError(msg)

    loader = propload.Loader(to=database, **HOMES)
    with monkeypatch.context() as patched:
        patched.setattr(propload.Loader, "close", fail)
        with pytest.raises(ValueError, match="of the block") as raised, loader:
            int("of the block")
    assert raised.value.__notes__ == [
        "the load failed as well: the load says something else"
    ]
    loader.close()


def test_loader_interrupted_while_closing_keeps_its_rows_for_recovery(database):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    with connect(database) as session:
        session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        loader = propload.Loader(to=database, batch_seconds=0.01, **HOMES)
        loader.put([{"id": 1}, {"id": 2}])
        with interrupted_while_closing(loader, database):
            loader.close()
        assert loader.failed is not None
    assert [one.rows for one in leftovers()] == [2]
    propload.recover(to=database)
    assert sorted(read_table(database, "homes")["id"]) == [1, 2]


@pytest.mark.one_server
def test_interrupt_does_not_wait_for_a_server_that_is_silent(
    database, monkeypatch, caplog
):
    answers = threading.Event()
    abort = Run.abort

    def abort_once_answered(run, error):
        # as the driver's call does while the server is suspended
        answers.wait()
        abort(run, error)

    monkeypatch.setattr(Run, "abort", abort_once_answered)
    monkeypatch.setattr(stopping, "ABORT_SECONDS", 0.1)
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    with connect(database) as session:
        session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        loader = propload.Loader(to=database, batch_seconds=0.01, **HOMES)
        loader.put({"id": 1})
        with interrupted_while_closing(loader, database):
            loader.close()
        assert loader.failed is None
        assert "did not end within 0.1 s: abandoned" in caplog.text
        answers.set()
        with pytest.raises(LoadError, match="told to stop immediately"):
            loader.close()
    assert [one.rows for one in leftovers()] == [1]


@pytest.mark.one_server
@pytest.mark.parametrize("call", ["put", "finish"])
def test_an_interrupted_loader_shows_a_notebook_its_own_lines(
    call, database, monkeypatch
):
    def press_stop(*_given, **_told):
        raise KeyboardInterrupt

    loader = propload.Loader(to=database, **HOMES)
    with monkeypatch.context() as patch:
        patch.setattr(PushedSource, call, press_stop)
        with pytest.raises(KeyboardInterrupt) as caught:
            loader.put({"id": 1}) if call == "put" else loader.close()
    assert hasattr(caught.value, "_render_traceback_")
    if call == "put":
        assert loader.close().counts.read == 0


@contextmanager
def interrupted_while_closing(loader, database):
    """Send Ctrl-C once a loader is being closed and its statement waits for a lock."""
    blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"

    def interrupt():
        wait_until(lambda: not loader._source.is_producing())
        wait_until(lambda: query(database, blocked))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()


@pytest.mark.one_server
def test_listener_that_raises_does_not_end_the_load(database, caplog):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    errors = []

    def load(row):
        loader = propload.Loader(to=database, batch_seconds=0.01, **HOMES)
        loader.on_room(lambda: 1 / 0)
        loader.on_failed(lambda _: 1 / 0)
        loader.on_failed(errors.append)
        loader.put(row)
        return loader.close()

    # its rows are committed, which makes room in the journal
    assert load({"id": 1}).counts.inserted == 1
    assert "ZeroDivisionError" in caplog.text
    with pytest.raises(LoadError, match="no_such") as caught:
        load({"id": 1, "no_such": 2})
    assert errors == [caught.value]


@pytest.mark.one_server
def test_unusable_mapping_is_refused_before_rows_are_accepted(database):
    with pytest.raises(ConfigError, match=r"typo\.toml"):
        propload.Loader(to=database, mapping="typo.toml", **HOMES)
    # accepted rows would wait for that mapping, and later runs for those rows
    assert leftovers() == []
    with propload.Loader(to=database, **HOMES) as loader:
        loader.put({"id": 1})
    assert loader.report.counts.inserted == 1


@pytest.mark.one_server
@pytest.mark.parametrize(
    "settings",
    [
        {"mapping": "funda"},
        {"defaults": {"mapping": "funda"}},
        {"defaults": {"schema": "no.such:Schema"}, "schema": "listing"},
    ],
    ids=["of the mapping", "of the default mapping", "as given"],
)
def test_loader_finds_its_schema_as_ingest_does(database, settings):
    with propload.Loader(to=database, **HOMES, **settings) as loader:
        pass
    assert loader.report.settings["schema"] == "listing"


def test_loader_has_a_report_only_once_it_has_ended(database):
    with propload.Loader(to=database, **HOMES) as loader:
        loader.put({"id": 1})
        with pytest.raises(LoadError, match=r"no report yet.* close the loader"):
            _ = loader.report
        assert repr(loader).startswith("<Loader pushed: loading, Counts(")
    assert loader.report.counts.inserted == 1
    assert repr(loader).startswith("<Loader pushed: loaded, Counts(read=1, ")
    assert repr(loader.metrics).startswith("Metrics(Counts(read=1, inserted=1, ")
    closed = "this Loader is closed: open a new one"
    with pytest.raises(LoadError, match=closed) as caught:
        loader.put({"id": 2})
    # with a cause, a notebook would take it for a bug and show all calls
    assert caught.value.__cause__ is None


@pytest.mark.one_server
def test_loader_that_could_not_begin_says_why_it_has_no_report(database):
    loader = propload.Loader(to=database, table="homes", key="nr", progress=False)
    loader.put({"id": 1})
    loader._thread.join()
    with pytest.raises(ConfigError, match=r"no report, .* column nr is needed"):
        _ = loader.report
    with pytest.raises(ConfigError, match="column nr is needed"):
        loader.close()


def failed_loader(database, **settings):
    """Return a loader that has failed because the table lacks a column."""
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    loader = propload.Loader(to=database, **{**HOMES, **settings})
    loader.put([{"id": 1, "city": "Delft"}, {"id": 2, "city": "Delft"}])
    # do not wait until the batch is full
    loader._source.finish()
    loader._thread.join()
    assert loader.failed is not None
    return loader


@pytest.mark.one_server
def test_failing_load_does_not_wait_for_more_rows(database, monkeypatch):
    monkeypatch.setattr(reading, "END_SECONDS", 40.0)
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    loader = propload.Loader(to=database, **HOMES)
    loader.put([{"id": 1, "city": "Delft"}])
    loader._thread.join(20)
    assert not loader._thread.is_alive()
    with pytest.raises(LoadError, match="city"):
        loader.close()


LATE_ROWS = [{"id": 2, "city": "Gouda"}, {"id": 3, "city": "Gouda"}]


@pytest.mark.one_server
def test_rows_kept_after_a_failure_are_recovered_after_earlier_rows(database, caplog):
    loader = failed_loader(database)
    for batch in MemorySource(LATE_ROWS, chunk_rows=1):
        loader.keep(batch)
    with pytest.raises(LoadError, match="city"):
        loader.close()
    before, after = leftovers()
    assert (before.rows, after.rows) == (2, 2)
    assert f"2 rows came after the load had failed: run {after.run_id}" in caplog.text
    run_sql(database, "ALTER TABLE homes ADD COLUMN city text")
    recover(to=database)
    stored = set(read_table(database, "homes").select("id", "city").rows())
    assert stored == {(1, "Delft"), (2, "Gouda"), (3, "Gouda")}
    assert leftovers() == []


@pytest.mark.one_server
def test_rows_are_not_kept_after_a_replace_has_failed(database):
    loader = failed_loader(database, mode="replace")
    [batch] = MemorySource(LATE_ROWS)
    with pytest.raises(JournalError, match="takes all rows or none"):
        loader.keep(batch)
    with pytest.raises(LoadError):
        loader.close()
    assert len(leftovers()) == 1


@pytest.mark.one_server
def test_rows_kept_after_a_failure_are_not_loaded_before_earlier_rows(database):
    loader = failed_loader(database)
    [batch] = MemorySource([{"id": 1}])
    loader.keep(batch)
    with pytest.raises(LoadError, match="city"):
        loader.close()
    with pytest.raises(LoadError, match="city"):
        recover(to=database)
    assert len(leftovers()) == 2
    assert read_table(database, "homes").height == 0


@pytest.mark.one_server
def test_keep_is_refused_unless_the_load_has_failed(database):
    [batch] = MemorySource(LATE_ROWS)
    with propload.Loader(to=database, **HOMES) as loader:
        loader.put(LATE_ROWS)
        with pytest.raises(LoadError, match="put them"):
            loader.keep(batch)
    with pytest.raises(LoadError, match="is closed"):
        loader.keep(batch)
    assert leftovers() == []


@pytest.mark.one_server
@pytest.mark.parametrize("method", ["put", "close"])
def test_listener_that_uses_its_loader_does_not_block_it(database, method):
    errors = queue.Queue()
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    loader = propload.Loader(to=database, **HOMES)

    def use_loader(_error):
        try:
            loader.put(LATE_ROWS) if method == "put" else loader.close()
        except LoadError as error:
            errors.put(error)

    loader.on_failed(use_loader)
    loader.put([{"id": 1, "city": "Delft"}])
    with pytest.raises(LoadError, match="city"):
        loader.close()
    assert "city" in str(errors.get(timeout=10))
