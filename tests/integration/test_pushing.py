"""A loader belongs to the process that opened it."""

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

pytestmark = pytest.mark.timeout(60)

FORKS = """
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
    "does", ['loader.put({"id": 2})', "loader.abort(ValueError())"]
)
def test_a_fork_is_told_to_open_a_loader_of_its_own(does, database):
    done = subprocess.run(
        [sys.executable, "-c", FORKS, database, does],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    said, code = done.stdout.splitlines()
    assert "open one in each process" in said
    assert code == "7"
    assert sorted(read_table(database, "homes")["id"]) == [1, 3]


HOMES = {"table": "homes", "key": "id", "progress": False}


def test_a_loader_that_is_interrupted_while_it_is_made_leaves_no_run(
    database, monkeypatch
):
    def interrupted(_source):
        wait_until(lambda: query(database, "SELECT 1 FROM pg_locks WHERE NOT granted"))
        raise KeyboardInterrupt

    monkeypatch.setattr(PushedSource, "journal", interrupted)
    before = set(threading.enumerate())
    with connect(database) as session:
        with (
            target_lock(session, TableName("public", "homes")),
            pytest.raises(KeyboardInterrupt),
        ):
            propload.Loader(to=database, lock=True, lock_wait=50, **HOMES)
        left = set(threading.enumerate()) - before
        for thread in left:
            # one that was told to end may not have come to it yet
            if thread.name.startswith("propload"):
                thread.join(20)
                assert not thread.is_alive(), thread.name
        assert take(session, "target:public.homes")


def test_the_error_of_a_block_stays_first_whatever_the_load_says(database, monkeypatch):
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


def test_who_is_interrupted_while_a_loader_is_closed_leaves_no_run(database):
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
def test_an_interrupt_is_not_kept_by_a_server_that_does_not_answer(
    database, monkeypatch, caplog
):
    answers = threading.Event()
    abort = Run.abort

    def asked(run, error):
        # as in the driver's call that asks a suspended server
        answers.wait()
        abort(run, error)

    monkeypatch.setattr(Run, "abort", asked)
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


@contextmanager
def interrupted_while_closing(loader, database):
    """Let Ctrl-C come when a loader is being closed and its statement waits."""
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
def test_a_listener_that_raises_ends_no_load(database, caplog):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    heard = []

    def load(row):
        loader = propload.Loader(to=database, batch_seconds=0.01, **HOMES)
        loader.on_room(lambda: 1 / 0)
        loader.on_failed(lambda _: 1 / 0)
        loader.on_failed(heard.append)
        loader.put(row)
        return loader.close()

    # its rows are committed, so that there is room in the journal
    assert load({"id": 1}).counts.inserted == 1
    assert "ZeroDivisionError" in caplog.text
    with pytest.raises(LoadError, match="no_such") as caught:
        load({"id": 1, "no_such": 2})
    assert heard == [caught.value]


@pytest.mark.one_server
def test_a_mapping_that_cannot_be_used_is_told_before_a_row_is_taken(database):
    with pytest.raises(ConfigError, match=r"typo\.toml"):
        propload.Loader(to=database, mapping="typo.toml", **HOMES)
    # what had been taken would wait for that mapping, and later runs for it
    assert leftovers() == []
    with propload.Loader(to=database, **HOMES) as loader:
        loader.put({"id": 1})
    assert loader.report.counts.inserted == 1


@pytest.mark.one_server
@pytest.mark.parametrize(
    "given",
    [
        {"mapping": "funda"},
        {"defaults": {"mapping": "funda"}},
        {"defaults": {"schema": "no.such:Schema"}, "schema": "listing"},
    ],
    ids=["of the mapping", "of the default mapping", "as given"],
)
def test_a_loader_takes_a_schema_from_where_ingest_does(database, given):
    with propload.Loader(to=database, **HOMES, **given) as loader:
        pass
    assert loader.report.settings["schema"] == "listing"


def test_a_loader_has_a_report_once_it_has_ended(database):
    with propload.Loader(to=database, **HOMES) as loader:
        loader.put({"id": 1})
        with pytest.raises(LoadError, match=r"no report yet.* close the loader"):
            _ = loader.report
        assert repr(loader).startswith("<Loader pushed: loading, Counts(")
    assert loader.report.counts.inserted == 1
    assert repr(loader).startswith("<Loader pushed: loaded, Counts(read=1, ")
    assert repr(loader.metrics).startswith("Metrics(Counts(read=1, inserted=1, ")
    with pytest.raises(LoadError, match="this Loader is closed: open a new one"):
        loader.put({"id": 2})


@pytest.mark.one_server
def test_a_load_that_did_not_begin_has_no_report_and_says_why(database):
    loader = propload.Loader(to=database, table="homes", key="nr", progress=False)
    loader.put({"id": 1})
    loader._thread.join()
    with pytest.raises(ConfigError, match=r"no report, .* column nr is needed"):
        _ = loader.report
    with pytest.raises(ConfigError, match="column nr is needed"):
        loader.close()


def failed_loader(database, **settings):
    """Return a loader that failed as the table lacks a column."""
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    loader = propload.Loader(to=database, **{**HOMES, **settings})
    loader.put([{"id": 1, "city": "Delft"}, {"id": 2, "city": "Delft"}])
    # a full batch is not waited for
    loader._source.finish()
    loader._thread.join()
    assert loader.failed is not None
    return loader


@pytest.mark.one_server
def test_a_load_that_fails_does_not_wait_for_rows_that_may_still_come(
    database, monkeypatch
):
    monkeypatch.setattr(reading, "END_SECONDS", 40.0)
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    loader = propload.Loader(to=database, **HOMES)
    loader.put([{"id": 1, "city": "Delft"}])
    loader._thread.join(20)
    assert not loader._thread.is_alive()
    with pytest.raises(LoadError, match="city"):
        loader.close()


LATE = [{"id": 2, "city": "Gouda"}, {"id": 3, "city": "Gouda"}]


@pytest.mark.one_server
def test_what_comes_after_a_failure_is_recovered_after_what_came_before(
    database, caplog
):
    loader = failed_loader(database)
    for batch in MemorySource(LATE, chunk_rows=1):
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
def test_what_comes_after_a_replace_has_failed_is_not_kept(database):
    loader = failed_loader(database, mode="replace")
    [batch] = MemorySource(LATE)
    with pytest.raises(JournalError, match="takes all rows or none"):
        loader.keep(batch)
    with pytest.raises(LoadError):
        loader.close()
    assert len(leftovers()) == 1


@pytest.mark.one_server
def test_what_comes_after_a_failure_is_never_loaded_before_what_came_first(database):
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
def test_only_rows_that_come_after_a_failure_are_kept_apart(database):
    [batch] = MemorySource(LATE)
    with propload.Loader(to=database, **HOMES) as loader:
        loader.put(LATE)
        with pytest.raises(LoadError, match="put them"):
            loader.keep(batch)
    with pytest.raises(LoadError, match="is closed"):
        loader.keep(batch)
    assert leftovers() == []


@pytest.mark.one_server
@pytest.mark.parametrize("act", ["put", "close"])
def test_a_listener_that_turns_to_the_loader_holds_nobody_up(database, act):
    said = queue.Queue()
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    loader = propload.Loader(to=database, **HOMES)

    def turn_to_it(_error):
        try:
            loader.put(LATE) if act == "put" else loader.close()
        except LoadError as error:
            said.put(error)

    loader.on_failed(turn_to_it)
    loader.put([{"id": 1, "city": "Delft"}])
    with pytest.raises(LoadError, match="city"):
        loader.close()
    assert "city" in str(said.get(timeout=10))
