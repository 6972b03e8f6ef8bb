"""A killed replace takes effect when it is resumed or recovered, or not at all."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.postgres.session.connection import connect
from tests.faults import loading
from tests.faults.server import BACKENDS, ask, commits_of, prepare_ledger, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

ROWS = 600
NEW = [(n,) for n in range(ROWS)]
#: Yields rows that cannot be read again; after the last of them it may wait.
GENERATOR = """
import sys, threading
import propload
dsn, waits = sys.argv[1:]
def rows():
    yield from ({"id": n} for n in range(60_000 if waits == "waits" else 600))
    if waits == "waits":
        threading.Event().wait()
propload.ingest(rows(), to=dsn, table="homes", mode="replace", key="id", workers=1,
                progress=False, batch_rows=200, batch_seconds=0.05)
"""
BLOCKED = "SELECT 1 FROM pg_locks WHERE NOT granted"


@pytest.fixture
def old_rows(dsn):
    prepare_ledger(dsn)
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, note text DEFAULT 'new')")
    run_sql(dsn, "INSERT INTO homes VALUES (-1, 'old')")
    return [(-1,)]


def stored(dsn):
    return ask(dsn, "SELECT id FROM homes ORDER BY id")


def kill_before_the_swap(dsn, start):
    with connect(dsn, application_name="observer") as session:
        # the swap, which empties the table, has to wait
        session.execute("LOCK TABLE homes IN ACCESS SHARE MODE")
        with start() as process:
            wait_until(lambda: process.ended or ask(dsn, BLOCKED))
            assert process.kill() == -9, process.log
    wait_until(lambda: not ask(dsn, BACKENDS))


def test_killed_replace_by_an_exhausted_generator_is_recovered(dsn, old_rows):
    kill_before_the_swap(dsn, lambda: loading.start_python(GENERATOR, dsn, "ends"))
    assert stored(dsn) == old_rows
    # a replace of another table leaves the gathered rows alone
    with loading.start_python(
        GENERATOR.replace('"homes"', '"others"'), dsn, "ends"
    ) as process:
        assert process.wait() == 0, process.log
    [report] = recover(to=dsn, progress=False)
    assert report.counts.inserted == ROWS
    assert stored(dsn) == NEW
    assert ask(dsn, "SELECT DISTINCT note FROM homes") == [("new",)]
    assert not leftovers()


def test_killed_replace_by_a_file_is_resumed(dsn, old_rows, tmp_path):
    file = tmp_path / "homes.csv"
    file.write_text("id\n" + "".join(f"{n}\n" for n in range(ROWS)))
    arguments = ["ingest", file, "--to", dsn, "--table", "homes", "--mode", "replace"]
    kill_before_the_swap(dsn, lambda: loading.start(*arguments))
    assert stored(dsn) == old_rows
    with loading.start(*arguments, "--resume", "true") as process:
        assert process.wait() == 0, process.log
    assert stored(dsn) == NEW


def test_partly_gathered_replace_is_recovered_only_if_its_run_is_named(
    dsn, old_rows, caplog
):
    with loading.start_python(GENERATOR, dsn, "waits") as process:
        wait_until(lambda: process.ended or commits_of(dsn) >= 2)
        process.kill()
    wait_until(lambda: not ask(dsn, BACKENDS))
    [left] = leftovers()
    assert recover(to=dsn, progress=False) == []
    assert f"propload recover {left.run_id}." in caplog.text
    assert stored(dsn) == old_rows
    recover(left.run_id, to=dsn, progress=False)
    ids = stored(dsn)
    assert ids == [(n,) for n in range(len(ids))]
    assert len(ids) >= 400
    assert not leftovers()


def test_command_in_the_warning_of_a_killed_replace_ends_the_warning(
    dsn, old_rows, caplog
):
    with loading.start_python(GENERATOR, dsn, "waits") as process:
        wait_until(lambda: process.ended or commits_of(dsn) >= 2)
        process.kill()
    wait_until(lambda: not ask(dsn, BACKENDS))
    with loading.start_python(GENERATOR, dsn, "ends") as process:
        assert process.wait() == 0, process.log
    assert stored(dsn) == NEW
    assert recover(to=dsn, progress=False) == []
    warning = caplog.messages[-1]
    arguments = shlex.split(warning.partition(" ends this warning: ")[2])
    subprocess.run([sys.executable, "-m", *arguments, "--yes"], check=True)
    caplog.clear()
    assert recover(to=dsn, progress=False) == []
    assert not caplog.messages
    assert stored(dsn) == NEW
