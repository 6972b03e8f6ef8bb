"""Fixes that fail on rows that come after others were loaded."""

import polars as pl
import pytest

import propload
from propload.earlier_runs import reject_source
from propload.errors import ConfigError, RejectLimitError
from propload.rejecting import RejectStore
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

ROWS = 1_000


def mend(frame):
    return frame.with_columns(price=pl.lit("7"))


def mend_early_rows(frame):
    if frame["id"].max() >= 600 and frame["id"].min() < 800:
        msg = "no price is known"
        raise LookupError(msg)
    return mend(frame)


@pytest.fixture
def refused(database, monkeypatch):
    """Append rows that are all refused; a fix meets a hundred of them at a time."""
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(reject_source, "BYTES_AHEAD", 100)
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint, tags text[])")
    rows = [{"id": n, "price": "dear", "tags": ["a", str(n)]} for n in range(ROWS)]
    told = {"to": database, "mode": "append", "batch_rows": 150, "workers": 2}
    report = propload.ingest(rows, table="homes", **told)
    assert report.counts.rejected == ROWS
    return report.run_id, told


def assert_all_are_there_once(database):
    stored = read_table(database, "homes").sort("id")
    assert stored["id"].to_list() == list(range(ROWS))
    assert stored["tags"].to_list() == [["a", str(n)] for n in range(ROWS)]


def test_rows_on_which_a_fix_fails_late_are_rejected_again_and_mended_by_another(
    database, refused, state_dir, caplog
):
    run_id, told = refused
    first = propload.replay(run_id, fix=mend_early_rows, **told)
    first.counts.verify()
    counts = first.counts
    assert (counts.read, counts.inserted, counts.rejected) == (ROWS, 800, 200)
    [reason] = first.reasons_counted
    assert (reason.stage, reason.check, reason.rows) == ("map", "fix", 200)
    assert "fix mend_early_rows failed on 100 rejected rows of list" in reason.said
    assert "LookupError: no price is known" in caplog.text
    kept = propload.rejects(first.run_id)
    assert kept["propload_row"].to_list() == list(range(601, 801))
    assert kept["price"].unique().to_list() == ["dear"]
    # the run itself has nothing left: who replays it is told where the rows are
    with pytest.raises(ConfigError, match=f"rejects show {first.run_id}"):
        propload.replay(run_id, fix=mend, **told)
    assert propload.replay(fix=mend, **told).counts.inserted == 200
    assert_all_are_there_once(database)
    assert RejectStore(state_dir / "rejects").runs() == []


def test_a_stopped_replay_by_a_fix_that_fails_late_is_ended_as_its_refusal_says(
    database, refused, state_dir
):
    run_id, told = refused
    with pytest.raises(RejectLimitError):
        propload.replay(run_id, fix=mend_early_rows, max_rejects=0, **told)
    added = read_table(database, "homes").height
    assert added > 0
    said = r"continue with the fix that it had, and replay what that rejects .*replay "
    with pytest.raises(ConfigError, match=said):
        propload.replay(run_id, fix=mend, **told)
    assert read_table(database, "homes").height == added
    ended = propload.replay(run_id, fix=mend_early_rows, **told)
    assert (ended.counts.read, ended.counts.rejected) == (ROWS, 200)
    propload.replay(ended.run_id, fix=mend, **told)
    assert_all_are_there_once(database)
    assert RejectStore(state_dir / "rejects").runs() == []


def test_a_fix_that_fails_before_a_row_is_loaded_ends_its_replay(
    database, refused, state_dir
):
    run_id, told = refused

    def fail(frame):
        return frame.select("nothing")

    with pytest.raises(ConfigError, match="fail failed on 100 rejected rows"):
        propload.replay(run_id, fix=fail, **told)
    assert propload.rejects(run_id).height == ROWS
    propload.replay(run_id, fix=mend, **told)
    assert_all_are_there_once(database)
