"""Killed sessions, servers stopped immediately, and outages longer than retries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import LoadError
from propload.monitoring.metrics import Metrics
from propload.postgres.session.connection import connect
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

pytestmark = pytest.mark.timeout(240)

ROWS, BAD = 8_000, 30


def has_committed(commits, dsn, load):
    return load.done() or commits_of(dsn) >= commits


def terminate(server, dsn, chance):
    ask(dsn, BACKENDS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"))


def kill(server, dsn, chance):
    server.kill_backend(dsn, chance)


def stop_and_start(server, dsn, chance):
    server.stop()
    server.start()


@pytest.mark.parametrize("mode", ["upsert", "append", "replace"])
@pytest.mark.parametrize("strike", [terminate, kill, stop_and_start])
def test_load_survives_strikes_at_its_sessions_or_the_server(
    server, dsn, tmp_path, chance, long, strike, mode
):
    file = tmp_path / "homes.csv"
    prepare_ledger(dsn, *SLOW_LEDGER)
    for _ in range(50 if long else 1):
        keys = None if mode == "replace" else 6_000
        frame = loading.listings(ROWS, chance=chance, keys=keys, bad=BAD)
        frame.write_csv(file)
        run_sql(dsn, "DROP TABLE IF EXISTS homes", loading.table_sql(mode=mode))
        settings = loading.settings(dsn, mode=mode, lock=True)
        with ThreadPoolExecutor(1) as pool:
            before = commits_of(dsn)
            load = pool.submit(propload.ingest, str(file), **settings)
            for commits in (before + chance.randint(1, 8), before + 16):
                wait_until(partial(has_committed, commits, dsn, load))
                strike(server, dsn, chance)
            report = load.result(120)
        report.counts.verify()
        assert (report.counts.read, report.counts.rejected) == (ROWS, BAD)
        assert report.retries
        assert loading.stored(dsn).equals(loading.expected(frame, mode=mode))
        assert report.rejects.height == BAD
        assert sum(one.rows for one in report.reasons_counted) == BAD


def test_rows_rejected_by_several_attempts_are_kept_once(dsn, state_dir, caplog):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    run_sql(dsn, "ALTER TABLE homes ADD CHECK (price <> 7)")
    prepare_ledger(dsn, *REFUSE_THE_FIRST_COMMITS)
    rows = [{"id": n, "price": 7 if n % 10 == 0 else n + 9} for n in range(1, 2_001)]
    report = propload.ingest(
        rows, to=dsn, table="homes", key="id", batch_rows=500, progress=False
    )
    assert report.retries >= 1
    assert caplog.messages[0].startswith("public.homes, batch 0, lane ")
    assert report.counts.rejected == 200
    assert report.rejects.height == 200
    assert sum(one.rows for one in report.reasons_counted) == 200
    kept = propload.rejects(report.run_id, state_dir=state_dir)
    assert kept["propload_row"].n_unique() == 200


#: The ledger's first entries fail as a serialization failure does: after COPY, after
#: triage and after rejects were written. A sequence survives the rollback.
REFUSE_THE_FIRST_COMMITS = (
    "CREATE SEQUENCE propload.attempts",
    """CREATE FUNCTION propload.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('propload.attempts') <= 3 THEN
            RAISE EXCEPTION 'not now' USING ERRCODE = '40001';
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON propload.ledger
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION propload.refuse()""",
)


def rows_from(first, last):
    return [{"id": n, "price": n * 7} for n in range(first, last)]


PUSHED = {"table": "homes", "key": "id", "progress": False, "batch_seconds": 0.05}
#: Far fewer retries than an outage of these tests takes.
FEW = {"retry_attempts": 2, "retry_seconds": 0.5}


def test_pushed_rows_go_into_the_journal_while_the_server_is_away(server, dsn, long):
    metrics = Metrics()
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    with propload.Loader(metrics=metrics, to=dsn, **PUSHED, **FEW) as loader:
        loader.put(rows_from(0, 500))
        wait_until(lambda: commits_of(dsn) >= 1)
        server.stop()
        loader.put(rows_from(500, 9_000))
        # longer than the retries alone would have lasted
        wait_until(
            lambda: metrics.snapshot().retries >= (60 if long else 4), seconds=600
        )
        server.start()
        loader.put(rows_from(9_000, 10_000))
    loader.report.counts.verify()
    assert loader.report.status == "loaded"
    assert loader.report.counts.inserted == 10_000
    assert ask(dsn, "SELECT count(*), sum(price)::bigint FROM homes") == [
        (10_000, sum(n * 7 for n in range(10_000)))
    ]
    assert not leftovers()


def test_error_of_a_lasting_outage_names_the_command_that_loads_the_rest(server, dsn):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    loader = propload.Loader(to=dsn, **PUSHED, **FEW)
    loader.put(rows_from(0, 500))
    wait_until(lambda: ask(dsn, "SELECT count(*) FROM homes") == [(500,)])
    server.stop()
    loader.put(rows_from(500, 3_000))
    with pytest.raises(LoadError, match="2,500 rows wait in the journal") as failed:
        loader.close()
    assert failed.value.exit_code == 1
    assert "propload recover" in str(failed.value)
    assert failed.value.report.status == "failed"
    assert [one.rows >= 2_500 for one in leftovers()] == [True]

    server.start()
    with loading.start("recover", "--to", dsn) as process:
        assert process.wait() == 0, process.log
    assert ask(dsn, "SELECT count(*), max(id) FROM homes") == [(3_000, 2_999)]
    assert not leftovers()


def test_rows_piped_into_the_command_survive_an_outage(server, dsn, tmp_path):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    flags = ["--to", dsn, "--table", "homes", "--key", "id", "--retry-attempts", "2"]
    flags += ["--retry-seconds", "0.5", "--batch-rows", "500"]
    rows = "".join(f'{{"id": {n}, "price": 1}}\n' for n in range(40_000))
    file = tmp_path / "rows.ndjson"
    file.write_text(rows)
    with (
        file.open() as stream,
        loading.start(
            "ingest", "-", "--format", "ndjson", *flags, stdin=stream
        ) as load,
    ):
        wait_until(lambda: commits_of(dsn) >= 3)
        server.stop()
        assert load.wait() == 1
    assert ". At most " in load.log
    assert "rows wait in the journal: load them with propload recover" in load.log
    server.start()
    with loading.start("recover", "--to", dsn) as process:
        assert process.wait() == 0, process.log
    assert ask(dsn, "SELECT count(*), max(id) FROM homes") == [(40_000, 39_999)]


def test_next_load_into_the_table_first_recovers_journaled_rows(server, dsn):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    loader = propload.Loader(to=dsn, **PUSHED, **FEW)
    loader.put(rows_from(0, 1_000))
    loader.abort(RuntimeError("the program ends"))
    assert leftovers()
    report = propload.ingest(rows_from(1_000, 1_100), to=dsn, **PUSHED)
    assert report.counts.inserted == 100
    assert ask(dsn, "SELECT count(*) FROM homes") == [(1_100,)]
    assert not leftovers()
    assert recover(to=dsn) == []


def test_load_survives_an_outage_at_its_first_row(server, dsn):
    """The table is first examined when there are rows, which may fail as well."""
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    metrics = Metrics()
    with propload.Loader(metrics=metrics, to=dsn, **PUSHED, **FEW) as loader:
        server.stop()
        loader.put(rows_from(0, 100))
        wait_until(lambda: metrics.snapshot().retries >= 1)
        server.start()
    assert loader.report.counts.inserted == 100


def test_row_locked_by_another_session_holds_up_only_its_lane(dsn):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)")
    run_sql(dsn, "INSERT INTO homes SELECT n, -5 FROM generate_series(0, 99) n")
    metrics = Metrics()
    with (
        connect(dsn, application_name="observer") as session,
        ThreadPoolExecutor(1) as pool,
    ):
        session.execute("UPDATE homes SET price = -1 WHERE id = 0")
        settings = {"to": dsn, "table": "homes", "key": "id", "progress": False}
        rows = [{"id": n, "price": n} for n in range(100)]
        load = pool.submit(
            propload.ingest,
            rows,
            metrics=metrics,
            workers=2,
            batch_rows=100,
            **settings,
        )
        wait_until(lambda: metrics.snapshot().counts.updated > 0)
        assert not load.done()
        session.commit()
        report = load.result(60)
    assert report.counts.accounted == 100
    assert ask(dsn, "SELECT count(*) FROM homes WHERE price = id") == [(100,)]
