"""SIGINT and SIGTERM: one finishes what is in flight, a second one ends at once."""

from __future__ import annotations

import json
import signal

import pytest

from propload.postgres.connection import connect
from propload.recovering import leftovers
from tests.faults import loading
from tests.faults.server import SLOW_LEDGER, ask, commits_of, prepare_ledger, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def file(dsn, tmp_path, chance):
    prepare_ledger(dsn, *SLOW_LEDGER)
    path = tmp_path / "homes.csv"
    frame = loading.listings(40_000, chance=chance)
    frame.write_csv(path)
    run_sql(dsn, loading.table_sql(mode="append"))
    return path


@pytest.mark.parametrize("number", SIGNALS)
def test_one_signal_commits_what_was_read_and_reports(dsn, file, number):
    words = ["ingest", file, *loading.words(dsn, mode="append"), "--json"]
    with loading.start(*words) as process:
        wait_until(lambda: commits_of(dsn) >= 2)
        process.signal(number)
        report = process.report(code=130)
    assert report["status"] == "interrupted"
    counts = loading.counts_of(report)
    assert ask(dsn, "SELECT count(*) FROM homes") == [(counts.inserted,)]
    assert 0 < counts.inserted <= 40_000
    with loading.start(*words, "--resume", "true") as process:
        assert loading.counts_of(process.report()).inserted == 40_000
    assert ask(dsn, "SELECT count(*), count(DISTINCT id) FROM homes") == [
        (40_000, 40_000)
    ]


def test_a_second_signal_ends_at_once_and_loses_nothing(dsn, file):
    words = ["ingest", file, *loading.words(dsn, mode="append"), "--json"]
    with loading.start(*words) as process:
        wait_until(lambda: commits_of(dsn) >= 2)
        with connect(dsn, application_name="observer") as session:
            # nobody can write on: what is in flight would wait for ever
            session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
            process.signal(signal.SIGTERM)
            threads = "SELECT 1 FROM pg_locks WHERE NOT granted"
            wait_until(lambda: ask(dsn, threads))
            process.signal(signal.SIGTERM)
            assert process.wait(30) == 130, process.log
    with loading.start(*words, "--resume", "true") as process:
        assert loading.counts_of(process.report()).inserted == 40_000
    assert ask(dsn, "SELECT count(*), count(DISTINCT id) FROM homes") == [
        (40_000, 40_000)
    ]


def test_two_signals_leave_pushed_rows_in_the_journal(dsn):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    words = ["ingest", "-", "--format", "ndjson", "--to", dsn, "--table", "homes"]
    words += ["--key", "id", "--batch-seconds", "0.05"]
    rows = "".join(json.dumps({"id": n}) + "\n" for n in range(30_000))
    with connect(dsn, application_name="observer") as session:
        session.execute("LOCK TABLE homes IN EXCLUSIVE MODE")
        with (
            loading.pipe_of(rows) as pipe,
            loading.start(*words, stdin=pipe) as process,
        ):
            wait_until(lambda: ask(dsn, "SELECT 1 FROM pg_locks WHERE NOT granted"))
            process.signal(signal.SIGINT)
            process.signal(signal.SIGTERM)
            assert process.wait(30) == 130, process.log
    waiting = sum(one.rows for one in leftovers())
    assert waiting
    with loading.start("recover", "--to", dsn) as process:
        assert process.wait() == 0, process.log
    assert ask(dsn, "SELECT count(*), max(id) FROM homes") == [(waiting, waiting - 1)]
