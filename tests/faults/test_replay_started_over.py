"""Killed replays that have stored nothing: the next one starts over."""

from __future__ import annotations

import polars as pl
import pytest

import propload
from propload.earlier_runs.replaying import replay
from propload.errors import ConfigError
from propload.rejecting import RejectStore
from propload.rejecting.lines import each_line
from tests.faults import loading
from tests.faults.server import HALTING_LEDGER, ask, kill_halted
from tests.integration.killed_replays import kill_at_its_end
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

ROWS = 1_000
#: Blocks a replay in its first commit.
HALT_AT_ONCE = """CREATE OR REPLACE FUNCTION propload.halt() RETURNS trigger
LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"""


def mend(frame):
    return frame.with_columns(price=pl.lit("7"))


@pytest.fixture
def appended(dsn, state_dir):
    """Append rows of which every second one is rejected; return run and settings."""
    run_sql(dsn, "CREATE TABLE homes (id bigint, price bigint)")
    settings = {"to": dsn, "mode": "append", "batch_rows": 50, "workers": 2}
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(ROWS)]
    report = propload.ingest(rows, table="homes", **settings)
    assert (report.counts.inserted, report.counts.rejected) == (500, 500)
    run_sql(dsn, *HALTING_LEDGER)
    return report.run_id, settings


def kill_replay(dsn, run_id, *flags):
    """Kill a replay after a few of its commits, whose rows are all rejected again."""
    kill_halted(loading.start("rejects", "replay", run_id, "--to", dsn, *flags), dsn)
    assert ask(dsn, "SELECT count(*) FROM homes") == [(ROWS // 2,)]


def assert_every_row_is_stored_once(dsn, state_dir, settings):
    """Replay the rejects that are left, and check that every row is stored once."""
    store = RejectStore(state_dir / "rejects")
    for run in store.runs():
        replay(run.run_id, fix=mend, **settings)
    count_rows = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, count_rows) == [(ROWS, ROWS)]
    assert store.runs() == []


def test_another_fix_adds_rows_rejected_again_by_a_killed_replay_once(
    dsn, appended, state_dir
):
    run_id, settings = appended
    kill_replay(dsn, run_id)
    assert replay(run_id, fix=mend, **settings).counts.inserted == ROWS // 2
    assert_every_row_is_stored_once(dsn, state_dir, settings)


def test_rejects_of_a_killed_replay_cannot_be_replayed_before_its_own_run(
    dsn, appended, state_dir
):
    run_id, settings = appended
    kill_replay(dsn, run_id)
    killed = RejectStore(state_dir / "rejects").runs()[0].run_id
    with pytest.raises(ConfigError, match=f"first .propload rejects replay {run_id}"):
        replay(killed, fix=mend, table="homes", **settings)
    replay(run_id, fix=mend, **settings)
    assert_every_row_is_stored_once(dsn, state_dir, settings)


def test_replay_without_a_run_id_continues_what_was_killed(
    dsn, appended, state_dir, caplog
):
    run_id, settings = appended
    kill_replay(dsn, run_id)
    # the newest run that rejected rows is the killed replay itself
    killed = RejectStore(state_dir / "rejects").runs()[0].run_id
    assert killed != run_id
    assert replay(fix=mend, **settings).source == f"rejects of {run_id}"
    assert f"run {killed} is a replay of the rejected rows of run {run_id}" in (
        caplog.text
    )
    assert_every_row_is_stored_once(dsn, state_dir, settings)


def test_killed_replay_that_only_rejected_rows_can_be_continued(
    dsn, appended, state_dir
):
    run_id, settings = appended
    kill_replay(dsn, run_id)
    again = replay(run_id, **settings)
    again.counts.verify()
    assert again.counts.rejected == ROWS // 2
    assert [one.run_id for one in RejectStore(state_dir / "rejects").runs()] == [
        again.run_id
    ]
    assert sum(one.rows for one in again.reasons_counted) == ROWS // 2
    assert_every_row_is_stored_once(dsn, state_dir, settings)


def test_rows_rejected_before_the_first_commit_of_a_replay_are_kept_once(
    dsn, appended, state_dir
):
    run_id, settings = appended
    run_sql(dsn, HALT_AT_ONCE)
    kill_halted(loading.start("rejects", "replay", run_id, "--to", dsn), dsn)
    assert len(RejectStore(state_dir / "rejects").runs()) == 2
    replay(run_id, fix=mend, **settings)
    assert_every_row_is_stored_once(dsn, state_dir, settings)


def test_rows_missing_from_the_rejects_stay_with_the_killed_replay(
    dsn, appended, state_dir
):
    run_id, settings = appended
    kill_replay(dsn, run_id)
    store = RejectStore(state_dir / "rejects")
    killed = store.runs()[0]
    assert killed.run_id != run_id
    rejected_again = {line["row"] for _, line in each_line(killed.path)}
    store.keep(run_id, lambda line: line["row"] not in rejected_again)
    again = replay(run_id, fix=mend, **settings)
    assert again.counts.inserted == ROWS // 2 - len(rejected_again)
    assert propload.rejects(killed.run_id, state_dir=state_dir).height == len(
        rejected_again
    )


def test_replay_by_key_drops_the_rejects_of_a_killed_one(dsn, appended, state_dir):
    run_id, settings = appended
    run_sql(dsn, "ALTER TABLE homes ADD PRIMARY KEY (id)")
    settings |= {"mode": "upsert", "key": "id"}
    kill_replay(dsn, run_id, "--mode", "upsert", "--key", "id")
    replay(run_id, fix=mend, **settings)
    assert_every_row_is_stored_once(dsn, state_dir, settings)


def test_rejects_of_a_killed_replay_are_dropped_with_those_of_its_run(
    dsn, appended, state_dir, monkeypatch
):
    run_id, settings = appended
    kill_replay(dsn, run_id)
    kill_at_its_end(monkeypatch, run_id, fix=mend, to=dsn)
    with pytest.raises(ConfigError, match="were loaded by its replay"):
        replay(run_id, fix=mend, **settings)
    assert_every_row_is_stored_once(dsn, state_dir, settings)
