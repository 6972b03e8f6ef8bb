"""SIGINT, SIGTERM, SIGHUP: one completes what is in flight, a second ends at once."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
from contextlib import contextmanager

import pytest

from propload.earlier_runs.leftover_journals import leftovers
from propload.postgres.session.connection import connect
from propload.postgres.session.locking import target_lock
from propload.target import TableName
from tests.faults import loading
from tests.faults.server import (
    BACKENDS,
    SLOW_LEDGER,
    ask,
    commits_of,
    prepare_ledger,
    wait_until,
)
from tests.integration.reading import run_sql
from tests.sessions import WAITING_FOR_A_RUN

pytestmark = pytest.mark.timeout(120)

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _sighup_is_not_ignored():
    """Let started processes receive SIGHUP, which nohup makes them ignore."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def file(dsn, tmp_path, chance):
    prepare_ledger(dsn, *SLOW_LEDGER)
    path = tmp_path / "homes.csv"
    frame = loading.listings(40_000, chance=chance)
    frame.write_csv(path)
    run_sql(dsn, loading.table_sql(mode="append"))
    return path


def arguments_of(dsn, file, *more):
    return ["ingest", file, *loading.arguments(dsn, mode="append"), "--json", *more]


#: A session waits for a lock that a test holds. Writers also wait for one another, as
#: for room in the table's file, but only for a moment.
BLOCKED = """SELECT 1 FROM pg_locks
WHERE NOT granted AND locktype IN ('relation', 'advisory')"""


def is_blocked(dsn):
    return ask(dsn, BLOCKED)


def is_blocked_at(dsn, table):
    return ask(dsn, f"{BLOCKED} AND relation = '{table}'::regclass")


def prepare_piped_load(dsn):
    """Create a table; return the arguments that load stdin into it, and the rows."""
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    arguments = ["ingest", "-", "--format", "ndjson", "--to", dsn, "--table", "homes"]
    arguments += ["--key", "id", "--batch-seconds", "0.05"]
    return arguments, "".join(json.dumps({"id": n}) + "\n" for n in range(30_000))


def resume_to_the_end(dsn, arguments):
    """Resume a stopped run, check that every row is stored once; return the report."""
    with loading.start(*arguments, "--resume", "true") as process:
        report = process.report()
    assert loading.counts_of(report).inserted == 40_000
    assert ask(dsn, "SELECT count(*), count(DISTINCT id) FROM homes") == [
        (40_000, 40_000)
    ]
    return report


@pytest.mark.parametrize("number", SIGNALS)
def test_one_signal_commits_what_was_read_and_reports(dsn, file, number):
    arguments = arguments_of(dsn, file)
    with loading.start(*arguments) as process:
        wait_until(lambda: commits_of(dsn) >= 2)
        process.signal(number)
        report = process.report(code=130)
    assert report["status"] == "interrupted"
    counts = loading.counts_of(report)
    assert ask(dsn, "SELECT count(*) FROM homes") == [(counts.inserted,)]
    assert 0 < counts.inserted <= 40_000
    resume_to_the_end(dsn, arguments)


def test_second_signal_ends_at_once_and_loses_nothing(dsn, file):
    arguments = arguments_of(dsn, file)
    with loading.start(*arguments) as process:
        wait_until(lambda: commits_of(dsn) >= 2)
        with connect(dsn, application_name="observer") as session:
            # no writer can continue: what is in flight would wait forever
            session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
            process.signal(signal.SIGTERM)
            # the system merges two pending signals of the same kind
            process.wait_for("a second one stops immediately")
            wait_until(lambda: is_blocked(dsn))
            process.signal(signal.SIGTERM)
            report = process.report(code=130)
    inserted = report["counts"]["inserted"]
    assert ask(dsn, "SELECT count(*) FROM homes") == [(inserted,)]
    assert "told to stop immediately" in report["message"]
    resume_to_the_end(dsn, arguments)


def test_two_signals_leave_piped_rows_in_the_journal(dsn):
    arguments, rows = prepare_piped_load(dsn)
    with connect(dsn, application_name="observer") as session:
        session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        with (
            loading.pipe_of(rows) as pipe,
            loading.start(*arguments, stdin=pipe) as process,
        ):
            wait_until(lambda: is_blocked(dsn))
            process.signal(signal.SIGINT)
            process.signal(signal.SIGTERM)
            assert process.wait(30) == 130, process.log
    waiting = sum(one.rows for one in leftovers())
    assert waiting
    with loading.start("recover", "--to", dsn) as process:
        assert process.wait() == 0, process.log
    assert ask(dsn, "SELECT count(*), max(id) FROM homes") == [(waiting, waiting - 1)]


def open_terminal():
    """Return the reading end of a terminal, and the end into which somebody types."""
    typing, reading = pty.openpty()
    return reading, typing


@pytest.mark.parametrize("open_stdin", [os.pipe, open_terminal])
def test_signal_ends_the_wait_for_the_first_row_of_stdin(dsn, open_stdin):
    arguments, _ = prepare_piped_load(dsn)
    reading, writing = open_stdin()
    with (
        os.fdopen(reading) as stdin,
        os.fdopen(writing, "wb", 0),
        loading.start(*arguments, "--json", "--verbose", stdin=stdin) as process,
    ):
        process.wait_for("stdin into public.homes")
        process.signal(signal.SIGTERM)
        report = process.report(code=130)
    assert report["status"] == "interrupted"
    assert "Fatal" not in process.log


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_while_a_column_is_added_commits_what_was_read(dsn, file, number):
    run_sql(dsn, "ALTER TABLE homes DROP COLUMN text")
    arguments = arguments_of(dsn, file, "--on-new-columns", "add")
    with connect(dsn, application_name="observer") as session:
        # like a reader, this keeps others from adding a column
        session.execute("LOCK TABLE homes IN ACCESS SHARE MODE")
        with loading.start(*arguments) as process:
            wait_until(lambda: is_blocked(dsn))
            process.signal(number)
            process.wait_for("what was read is still committed")
            session.commit()
            report = process.report(code=130)
    assert report["status"] == "interrupted"
    inserted = loading.counts_of(report).inserted
    assert inserted > 0
    assert ask(dsn, "SELECT count(*) FROM homes") == [(inserted,)]
    with loading.start(*arguments, "--resume", "true") as process:
        assert loading.counts_of(process.report()).inserted == 40_000


@pytest.mark.parametrize("number", SIGNALS)
def test_two_signals_while_a_column_is_added_end_at_once(dsn, file, number):
    run_sql(dsn, "ALTER TABLE homes DROP COLUMN text")
    arguments = arguments_of(dsn, file, "--on-new-columns", "add")
    with connect(dsn, application_name="observer") as session:
        session.execute("LOCK TABLE homes IN ACCESS SHARE MODE")
        with loading.start(*arguments) as process:
            wait_until(lambda: is_blocked(dsn))
            process.signal(number)
            process.wait_for("what was read is still committed")
            process.signal(number)
            assert process.wait(30) == 130, process.log
    assert ask(dsn, "SELECT count(*) FROM homes") == [(0,)]


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_before_anything_is_read_ends_the_wait(dsn, file, number):
    with connect(dsn, application_name="observer") as session:
        session.execute("LOCK TABLE homes IN ACCESS EXCLUSIVE MODE")
        with loading.start(*arguments_of(dsn, file)) as process:
            wait_until(lambda: is_blocked(dsn))
            process.signal(number)
            result = process.report(code=130)
        assert "interrupted" in process.log
    assert (result["status"], result["exit_code"]) == ("interrupted", 130)


def test_signal_ends_the_wait_for_another_run(dsn, file):
    table = TableName("public", "homes")
    arguments = arguments_of(dsn, file, "--lock", "--lock-wait", "100")
    with (
        connect(dsn) as session,
        target_lock(session, table),
        loading.start(*arguments) as process,
    ):
        wait_until(lambda: ask(dsn, WAITING_FOR_A_RUN))
        process.signal(signal.SIGINT)
        assert process.wait(30) == 130, process.log


def interrupt_often(process):
    """Send SIGINT to a load until it has ended."""

    def ended():
        process.signal(signal.SIGINT)
        return process.ended

    wait_until(ended)


def test_ignored_signal_changes_nothing(dsn, file):
    # as a shell without job control starts a command in the background
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    command = [*shell, sys.executable, "-m", "propload", *arguments_of(dsn, file)]
    with loading.Process(*map(str, command)) as process:
        wait_until(lambda: commits_of(dsn) >= 2)
        interrupt_often(process)
        report = process.report()
    assert report["status"] == "loaded"
    assert loading.counts_of(report).inserted == 40_000


#: A load in a thread of a program that has its own handler.
IN_A_THREAD = """
import signal, sys, threading
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
import propload

def load():
    report = propload.ingest(sys.argv[2], to=sys.argv[1], table="homes",
        mode="append", batch_rows=250, progress=False)
    print(report.to_json())

thread = threading.Thread(target=load)
thread.start()
thread.join()
# at the end of the program itself no handler is left
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(bool(heard), file=sys.stderr)
"""


def test_load_in_another_thread_is_not_stopped_by_signals(dsn, file):
    with loading.start_python(IN_A_THREAD, dsn, file) as process:
        wait_until(lambda: commits_of(dsn) >= 2)
        interrupt_often(process)
        report = process.report()
    assert process.log == "True\n"
    assert report["status"] == "loaded"
    assert loading.counts_of(report).inserted == 40_000


@contextmanager
def noting_the_end(dsn, arguments):
    """Yield a load that waits to note its end, and the session that blocks it."""
    with (
        connect(dsn, application_name="observer") as writing,
        connect(dsn, application_name="observer") as ending,
    ):
        # however fast it is, it cannot end before the note of its end is blocked
        writing.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        with loading.start(*arguments) as process:
            wait_until(lambda: is_blocked_at(dsn, "homes"))
            ending.execute("LOCK TABLE propload.runs IN SHARE MODE")
            writing.commit()
            wait_until(lambda: is_blocked_at(dsn, "propload.runs"))
            yield process, ending


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_while_the_end_is_noted_changes_nothing(dsn, file, number):
    with noting_the_end(dsn, arguments_of(dsn, file)) as (process, ending):
        process.signal(number)
        process.wait_for("what was read is still committed")
        ending.commit()
        report = process.report()
    assert report["status"] == "loaded"
    assert loading.counts_of(report).inserted == 40_000


def test_two_signals_while_the_end_is_noted_lose_nothing(dsn, file):
    arguments = arguments_of(dsn, file)
    with noting_the_end(dsn, arguments) as (process, _ending):
        process.signal(signal.SIGINT)
        process.wait_for("what was read is still committed")
        process.signal(signal.SIGTERM)
        assert process.wait(30) == 130, process.log
    report = resume_to_the_end(dsn, arguments)
    # the resuming process reads none of the rows
    assert report["rows_per_second"] == 0


def test_signal_stops_a_recovery_and_the_next_one_continues(dsn):
    arguments, rows = prepare_piped_load(dsn)
    with connect(dsn, application_name="observer") as session:
        session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        with (
            loading.pipe_of(rows) as pipe,
            loading.start(*arguments, stdin=pipe) as process,
        ):
            wait_until(lambda: is_blocked(dsn))
            process.kill()
        # a session that waits does not notice that its client is gone
        session.commit()
        wait_until(lambda: not ask(dsn, BACKENDS))
        waiting = sum(one.rows for one in leftovers())
        session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        with loading.start("recover", "--to", dsn, "--json") as process:
            wait_until(lambda: is_blocked(dsn))
            process.signal(signal.SIGTERM)
            process.wait_for("what was read is still committed")
            session.commit()
            assert process.wait() == 130, process.log
    (report,) = json.loads(process.printed)
    assert report["status"] == "interrupted"
    assert 0 < loading.counts_of(report).inserted <= waiting
    with loading.start("recover", "--to", dsn) as process:
        assert process.wait() == 0, process.log
    assert ask(dsn, "SELECT count(*) FROM homes") == [(waiting,)]
    assert not leftovers()
