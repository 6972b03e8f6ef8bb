"""Replays that were killed and have stored nothing: the next one begins anew."""

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
#: Holds a replay back in its first commit.
AT_ONCE = """CREATE OR REPLACE FUNCTION propload.halt() RETURNS trigger
LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"""


def mend(frame):
    return frame.with_columns(price=pl.lit("7"))


@pytest.fixture
def appended(dsn, state_dir):
    """Append rows of which every second one is refused. Value: run and settings."""
    run_sql(dsn, "CREATE TABLE homes (id bigint, price bigint)")
    told = {"to": dsn, "mode": "append", "batch_rows": 50, "workers": 2}
    rows = [{"id": n, "price": "dear" if n % 2 else "1"} for n in range(ROWS)]
    report = propload.ingest(rows, table="homes", **told)
    assert (report.counts.inserted, report.counts.rejected) == (500, 500)
    run_sql(dsn, *HALTING_LEDGER)
    return report.run_id, told


def kill_replay(dsn, run_id, *words):
    """Kill a replay after a few of its commits, whose rows are all rejected again."""
    kill_halted(loading.start("rejects", "replay", run_id, "--to", dsn, *words), dsn)
    assert ask(dsn, "SELECT count(*) FROM homes") == [(ROWS // 2,)]


def assert_all_are_there_once(dsn, state_dir, told):
    """Replay what is still kept: nothing is missing, and nothing is added again."""
    store = RejectStore(state_dir / "rejects")
    for run in store.runs():
        replay(run.run_id, fix=mend, **told)
    counted = "SELECT count(*), count(DISTINCT id) FROM homes"
    assert ask(dsn, counted) == [(ROWS, ROWS)]
    assert store.runs() == []


def test_rows_that_a_killed_replay_rejected_again_are_added_once_by_another_fix(
    dsn, appended, state_dir
):
    run_id, told = appended
    kill_replay(dsn, run_id)
    assert replay(run_id, fix=mend, **told).counts.inserted == ROWS // 2
    assert_all_are_there_once(dsn, state_dir, told)


def test_rows_that_a_killed_replay_rejected_again_are_not_replayed_before_it_ends(
    dsn, appended, state_dir
):
    run_id, told = appended
    kill_replay(dsn, run_id)
    killed = RejectStore(state_dir / "rejects").runs()[0].run_id
    with pytest.raises(ConfigError, match=f"first .propload rejects replay {run_id}"):
        replay(killed, fix=mend, table="homes", **told)
    replay(run_id, fix=mend, **told)
    assert_all_are_there_once(dsn, state_dir, told)


def test_a_replay_of_no_named_run_goes_on_with_what_a_killed_one_began_with(
    dsn, appended, state_dir, caplog
):
    run_id, told = appended
    kill_replay(dsn, run_id)
    # the newest run that rejected rows is the killed replay itself
    killed = RejectStore(state_dir / "rejects").runs()[0].run_id
    assert killed != run_id
    assert replay(fix=mend, **told).source == f"rejects of {run_id}"
    assert f"run {killed} is a replay of the rejected rows of run {run_id}" in (
        caplog.text
    )
    assert_all_are_there_once(dsn, state_dir, told)


def test_a_killed_replay_that_only_rejected_rows_goes_on(dsn, appended, state_dir):
    run_id, told = appended
    kill_replay(dsn, run_id)
    again = replay(run_id, **told)
    again.counts.verify()
    assert again.counts.rejected == ROWS // 2
    assert [one.run_id for one in RejectStore(state_dir / "rejects").runs()] == [
        again.run_id
    ]
    assert sum(one.rows for one in again.reasons_counted) == ROWS // 2
    assert_all_are_there_once(dsn, state_dir, told)


def test_rows_that_a_replay_rejected_before_its_first_commit_are_kept_once(
    dsn, appended, state_dir
):
    run_id, told = appended
    run_sql(dsn, AT_ONCE)
    kill_halted(loading.start("rejects", "replay", run_id, "--to", dsn), dsn)
    assert len(RejectStore(state_dir / "rejects").runs()) == 2
    replay(run_id, fix=mend, **told)
    assert_all_are_there_once(dsn, state_dir, told)


def test_rows_that_were_taken_out_of_their_file_stay_with_the_killed_replay(
    dsn, appended, state_dir
):
    run_id, told = appended
    kill_replay(dsn, run_id)
    store = RejectStore(state_dir / "rejects")
    killed = store.runs()[0]
    assert killed.run_id != run_id
    kept = {line["row"] for _, line in each_line(killed.path)}
    store.keep(run_id, lambda line: line["row"] not in kept)
    again = replay(run_id, fix=mend, **told)
    assert again.counts.inserted == ROWS // 2 - len(kept)
    assert propload.rejects(killed.run_id, state_dir=state_dir).height == len(kept)


def test_a_replay_by_key_leaves_no_rows_of_one_that_was_killed(
    dsn, appended, state_dir
):
    run_id, told = appended
    run_sql(dsn, "ALTER TABLE homes ADD PRIMARY KEY (id)")
    told |= {"mode": "upsert", "key": "id"}
    kill_replay(dsn, run_id, "--mode", "upsert", "--key", "id")
    replay(run_id, fix=mend, **told)
    assert_all_are_there_once(dsn, state_dir, told)


def test_rows_of_a_killed_replay_go_with_those_that_another_did_not_come_to_forget(
    dsn, appended, state_dir, monkeypatch
):
    run_id, told = appended
    kill_replay(dsn, run_id)
    kill_at_its_end(monkeypatch, run_id, fix=mend, to=dsn)
    with pytest.raises(ConfigError, match="were loaded by its replay"):
        replay(run_id, fix=mend, **told)
    assert_all_are_there_once(dsn, state_dir, told)
