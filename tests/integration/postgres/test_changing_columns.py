"""Batches whose columns change are written through one session per lane."""

from __future__ import annotations

from contextlib import closing

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propload import Loader
from propload.errors import TransientWriteError
from propload.postgres import database as module
from propload.postgres.database import Database
from propload.postgres.replacing.earlier_shadows import Remark
from propload.postgres.session.connection import Connection
from propload.postgres.session.driver_errors import ServerError
from tests.integration.postgres.writing import (
    counts,
    end,
    fit,
    make_piece,
    run_record,
    target_with,
)
from tests.integration.reading import END_RUNS, query, run_sql

pytestmark = pytest.mark.timeout(120)

TABLE = "CREATE TABLE t (k bigint PRIMARY KEY, a text CHECK (a <> 'bad'), b bigint)"
WIDE = pl.DataFrame({"k": [1, 2], "a": ["x", "y"], "b": [1, 2]})
NARROW = pl.DataFrame({"b": [7, 8], "k": [1, 3]})
STORED = "SELECT k, a, b FROM t ORDER BY k"
SHADOW_COMMENT = """
SELECT obj_description(oid) FROM pg_class
WHERE relname LIKE 'propload_shadow_%' AND relkind = 'r'"""


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_lane_keeps_its_session_when_columns_change(database, state_dir, mode):
    run_sql(database, TABLE, "INSERT INTO t VALUES (1, 'old', 0)")
    target = target_with(mode=mode)
    run, backends = run_record(target), []
    with Database(database, state_dir=state_dir) as opened:
        written = []
        frames = (WIDE, NARROW, WIDE, WIDE.with_columns(a=pl.lit("bad")), NARROW)
        for number, frame in enumerate(frames):
            ready = opened.prepare(
                target, frame.schema, opened.facts(target.table), run=run
            )
            writer = ready.open_writer(0)
            piece = fit(make_piece(frame, number, key=target.key), ready.plan)
            written.append(writer.write(piece))
            session = writer._session.open()
            backends.append(session.value("SELECT pg_backend_pid()"))
            session.commit()
        writer.close()
        end(ready)
    assert len(set(backends)) == 1
    assert [done.reasons.height for done in written] == [0, 0, 0, 2, 0]
    assert counts(written)[2] == (0, 1, 1, 0)
    assert query(database, STORED) == [(1, "x", 7), (2, "y", 2), (3, None, 8)]


def write_frame(ready, frame, number):
    with closing(ready.open_writer(0)) as writer:
        writer.write(fit(make_piece(frame, number, key=("k",)), ready.plan))


def test_replace_survives_losing_its_sessions_before_columns_change(
    database, state_dir
):
    run_sql(database, TABLE)
    target = target_with(mode="replace")
    run = run_record(target)
    with Database(database, state_dir=state_dir) as opened:
        write_frame(
            opened.prepare(target, WIDE.schema, opened.facts(target.table), run=run),
            WIDE,
            0,
        )
        facts = opened.facts(target.table)
        query(database, END_RUNS)
        with pytest.raises(TransientWriteError):
            opened.prepare(target, NARROW.schema, facts, run=run)
        ready = opened.prepare(target, NARROW.schema, facts, run=run)
        write_frame(ready, NARROW, 1)
        end(ready)
    assert query(database, STORED) == [(1, "x", 7), (2, "y", 2), (3, None, 8)]


@pytest.mark.one_server
def test_columns_of_a_replace_are_noted_despite_a_lost_connection(
    database, state_dir, monkeypatch
):
    run_sql(database, TABLE)
    target = target_with(mode="replace")
    run, execute_in, failed = run_record(target), Connection.execute, []

    def fail_once(session, sql, params=()):
        if sql.startswith("COMMENT") and not failed:
            failed.append(sql)
            error = ServerError("the line broke")
            error.status = "IO"
            raise error
        return execute_in(session, sql, params)

    with Database(database, state_dir=state_dir) as opened:
        opened.prepare(
            target, WIDE.select("k", "a").schema, opened.facts(target.table), run=run
        )
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "execute", fail_once)
            with pytest.raises(TransientWriteError):
                opened.prepare(
                    target, NARROW.schema, opened.facts(target.table), run=run
                )
        opened.prepare(target, NARROW.schema, opened.facts(target.table), run=run)
        remark = Remark.read(query(database, SHADOW_COMMENT)[0][0])
        assert remark.columns == ["k", "a", "b"]
    assert failed


ROWS = st.lists(
    st.fixed_dictionaries(
        {"k": st.integers(1, 4)},
        optional={"a": st.sampled_from(["x", "y"]), "b": st.integers(0, 9)},
    ),
    max_size=12,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS)
def test_last_value_wins_whichever_columns_each_row_has(database, state_dir, rows):
    run_sql(database, "DROP TABLE IF EXISTS t", TABLE)
    with Loader(
        to=database, table="t", key="k", workers=2, state_dir=state_dir, progress=False
    ) as loader:
        for row in rows:
            loader.put(row)
    expected: dict[int, dict[str, object]] = {}
    for row in rows:
        expected.setdefault(row["k"], {"a": None, "b": None}).update(row)
    found = [(k, expected[k]["a"], expected[k]["b"]) for k in sorted(expected)]
    assert query(database, STORED) == found


def test_run_caches_only_the_most_recent_sets_of_columns(
    database, state_dir, monkeypatch
):
    monkeypatch.setattr("propload.pipeline.pipeline.FITTED_KEPT", 2)
    run_sql(database, TABLE)
    plans = []

    class RecordingTarget(module.PreparedTarget):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            plans.append(self.plan)

    monkeypatch.setattr(module, "PreparedTarget", RecordingTarget)
    rows = [{"k": 1}, {"k": 1, "a": "x"}, {"k": 1, "b": 3}]
    with Loader(
        to=database, table="t", key="k", workers=1, state_dir=state_dir, progress=False
    ) as loader:
        for row in (0, 1, 0, 1, 2, 1, 0):
            loader.put(rows[row])
    assert loader.report.counts.read == 7
    assert len(plans) == 4
    assert query(database, STORED) == [(1, "x", 3)]


def count_sessions(dsn, state_dir, monkeypatch, rows):
    """Return how many sessions a run opens that loads these rows in turn."""
    opened, clone = [], Connection.clone

    def counted(session):
        opened.append(session)
        return clone(session)

    with (
        monkeypatch.context() as patch,
        Loader(
            to=dsn, table="t", key="k", workers=1, state_dir=state_dir, progress=False
        ) as loader,
    ):
        patch.setattr(Connection, "clone", counted)
        for number in range(6):
            loader.put(rows[number % len(rows)])
    assert loader.report.counts.read == 6
    return len(opened)


def test_alternating_columns_open_no_additional_sessions(
    database, state_dir, monkeypatch
):
    run_sql(database, TABLE)
    rows = [{"k": 1, "a": "x"}, {"k": 1, "b": 3}]
    expected = count_sessions(database, state_dir, monkeypatch, rows[:1])
    assert count_sessions(database, state_dir, monkeypatch, rows) == expected
