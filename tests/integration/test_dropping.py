"""Old runs are dropped; what somebody may still need of them is kept."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

import propload
from propload.journal import writing
from propload.postgres.session.dsn import parse_dsn
from tests.integration.killed_replays import kill_at_its_end
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

DAY = 86_400
GOOD = [{"k": 1, "v": "a"}, {"k": 2, "v": "b"}]


def _load(dsn, rows=GOOD, **settings):
    rules = {"to": dsn, "table": "t", "key": "k", "progress": False} | settings
    return propload.ingest(rows, **rules)


def _age(dsn, state_dir, *reports, days):
    """Make runs look as if they had ended some days ago."""
    for report in reports:
        run_sql(
            dsn,
            f"UPDATE propload.runs SET finished_at = now() - interval '{days} days' "
            f"WHERE run_id = '{report.run_id}'",
        )
    _age_files(state_dir, *reports, days=days)


def _age_files(state_dir, *reports, days):
    for report in reports:
        for path in (state_dir / "runs").glob(f"{report.run_id}*"):
            os.utime(path, (time.time() - days * DAY,) * 2)


def _known_runs(dsn):
    runs = query(dsn, "SELECT run_id FROM propload.runs ORDER BY 1")
    entered = query(dsn, "SELECT DISTINCT run_id FROM propload.ledger ORDER BY 1")
    assert set(entered) <= set(runs)
    return {run for (run,) in runs}


def test_dropping_old_complete_runs_keeps_their_rows(database, state_dir):
    old, young = _load(database), _load(database, [{"k": 3, "v": "c"}])
    _age(database, state_dir, old, days=91)
    dropped = propload.drop_runs(90, to=database)
    assert dropped == propload.Dropped(runs=1, reports=1)
    assert _known_runs(database) == {young.run_id}
    assert [report.run_id for report in propload.runs()] == [young.run_id]
    assert query(database, "SELECT count(*) FROM t") == [(3,)]
    assert propload.drop_runs(90, to=database) == propload.Dropped(0, 0)


def test_runs_are_dropped_for_one_table_only(database, state_dir):
    here, there = _load(database), _load(database, table="others")
    _age(database, state_dir, here, there, days=91)
    dropped = propload.drop_runs(90, table="others", to=database)
    assert dropped == propload.Dropped(runs=1, reports=1)
    assert _known_runs(database) == {here.run_id}
    assert [report.run_id for report in propload.runs()] == [here.run_id]


def test_file_ledgers_are_deleted_for_one_table_only(database, state_dir):
    tables = ("t", "others")
    for table in tables:
        run_sql(database, f"CREATE TABLE {table} (k bigint PRIMARY KEY, v text)")
    rights = [f"GRANT SELECT, INSERT, UPDATE ON {table}" for table in tables]
    with _user(database, *rights) as dsn:
        here, there = (_load(dsn, table=table) for table in tables)
        _age_files(state_dir, here, there, days=91)
        dropped = propload.drop_runs(90, table="others", to=dsn)
    assert dropped == propload.Dropped(runs=1, reports=1)
    left = {path.name for path in (state_dir / "runs").iterdir()}
    assert left == {f"{here.run_id}.json", f"{here.run_id}.ledger.ndjson"}


def test_incomplete_run_stays_in_the_ledger(database, state_dir):
    bad = [{"k": 1, "v": "a"}, {"k": None, "v": "b"}]
    with pytest.raises(propload.RejectLimitError) as caught:
        _load(database, bad, max_rejects=0)
    stopped = caught.value.report
    _age(database, state_dir, stopped, days=400)
    # its report says which table its rejected rows belong to
    assert propload.drop_runs(90, to=database) == propload.Dropped(runs=0, reports=0)
    assert propload.rejects(stopped.run_id).height == 1
    Path(stopped.rejects_path).unlink()
    assert propload.drop_runs(90, to=database) == propload.Dropped(runs=0, reports=1)
    assert _known_runs(database) == {stopped.run_id}


def test_file_of_a_dropped_run_is_read_from_the_start(database, state_dir, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("k,v\n1,a\n2,b\n", encoding="utf-8")
    _age(database, state_dir, _load(database, path), days=2)
    propload.drop_runs(1, to=database)
    again = _load(database, path, resume=True)
    assert (again.counts.read, again.counts.unchanged) == (2, 2)


@pytest.mark.parametrize("is_in_file", [False, True])
def test_run_with_a_leftover_journal_is_not_forgotten(
    database, state_dir, monkeypatch, is_in_file
):
    """Otherwise its rows would be added once more, or overwrite newer ones."""
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    with _user(database, "GRANT SELECT, INSERT ON t") as limited:
        arguments = {"dsn": limited if is_in_file else database, "mode": "append"}
        # as if killed right after the last commit
        with monkeypatch.context() as patched:
            patched.setattr(writing, "remove_folder", lambda _: None)
            run = _load(rows=iter(GOOD), key=None, **arguments)
        _age_files(state_dir, run, days=91)
        assert propload.drop_runs(0, to=arguments["dsn"]).runs == 0
        _load(rows=[{"k": 3, "v": "c"}], key=None, **arguments)
        assert propload.drop_runs(0, to=arguments["dsn"]).runs >= 1
    assert query(database, "SELECT k FROM t ORDER BY 1") == [(1,), (2,), (3,)]


@contextmanager
def _user(dsn, *rights):
    name = "propload_dropping"
    run_sql(dsn, f"CREATE ROLE {name} LOGIN", *(f"{one} TO {name}" for one in rights))
    try:
        parts = parse_dsn(dsn) | {"user": name}
        yield " ".join(f"{key}={value}" for key, value in parts.items())
    finally:
        run_sql(dsn, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_old_file_ledgers_are_deleted(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text)")
    with _user(database, "GRANT SELECT, INSERT, UPDATE ON t") as dsn:
        old, young = _load(dsn), _load(dsn)
        _age_files(state_dir, old, days=91)
        assert propload.drop_runs(90, to=dsn) == propload.Dropped(runs=1, reports=1)
        left = {path.name for path in (state_dir / "runs").iterdir()}
        assert left == {f"{young.run_id}.json", f"{young.run_id}.ledger.ndjson"}


def test_file_ledger_of_a_replay_stays_while_its_rejects_remain(
    database, state_dir, monkeypatch
):
    run_sql(database, "CREATE TABLE t (k bigint)")
    with _user(database, "GRANT SELECT, INSERT ON t") as dsn:
        report = _load(dsn, [{"k": 1}, {"k": "x"}], key=None, mode="append")

        def mend(frame):
            return frame.with_columns(k=pl.lit("2"))

        kill_at_its_end(monkeypatch, report.run_id, fix=mend, to=dsn)
        assert propload.drop_runs(0, to=dsn).runs == 1
        with pytest.raises(propload.ConfigError, match="were loaded by its replay"):
            propload.replay(report.run_id, fix=mend, to=dsn)
    assert query(database, "SELECT k FROM t ORDER BY 1") == [(1,), (2,)]


def test_file_ledger_of_another_database_stays(database, state_dir, postgres_server):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text)")
    with _user(database, "GRANT SELECT, INSERT, UPDATE ON t") as dsn:
        report = _load(dsn)
    ledger = state_dir / "runs" / f"{report.run_id}.ledger.ndjson"
    os.utime(ledger, (time.time() - 91 * DAY,) * 2)
    assert propload.drop_runs(90, to=postgres_server).runs == 0
    assert ledger.exists()


def test_nothing_is_dropped_without_the_right_to_delete(database, state_dir):
    report = _load(database)
    _age(database, state_dir, report, days=91)
    rights = (
        "GRANT USAGE ON SCHEMA propload",
        "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA propload",
    )
    with (
        _user(database, *rights) as dsn,
        pytest.raises(propload.WriteError, match="permission denied"),
    ):
        propload.drop_runs(90, to=dsn)
    assert _known_runs(database) == {report.run_id}
    assert [one.run_id for one in propload.runs()] == [report.run_id]


@pytest.mark.parametrize("days", [-1, float("nan"), 1e12, "90"])
def test_invalid_age_is_refused(database, days):
    with pytest.raises(propload.ConfigError, match="older_than"):
        propload.drop_runs(days, to=database)


def test_rejects_are_dropped_only_by_the_name_of_their_run(database):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text NOT NULL)")
    rows = [{"k": 1, "v": "a"}, {"k": 2, "v": None}]
    run = propload.ingest(rows, to=database, table="t", key="k", progress=False).run_id
    assert propload.drop_rejects(run[:-1]) == 1
    with pytest.raises(propload.ConfigError, match=f"{run} rejected: it was dropped"):
        propload.drop_rejects(run)
    # no run is the default for what cannot be undone
    with pytest.raises(propload.ConfigError, match="specify which run"):
        propload.drop_rejects("")
    with pytest.raises(propload.ConfigError, match="table does not apply"):
        propload.drop_rejects(run, table="t")
