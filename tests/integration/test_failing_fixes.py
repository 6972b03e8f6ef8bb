"""Fixes that fail only after earlier rows have been loaded."""

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
def rejected(database, monkeypatch):
    """Append rows that are all rejected, and replay a hundred of them at a time."""
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(reject_source, "BYTES_AHEAD", 100)
    run_sql(database, "CREATE TABLE homes (id bigint, price bigint, tags text[])")
    rows = [{"id": n, "price": "dear", "tags": ["a", str(n)]} for n in range(ROWS)]
    settings = {"to": database, "mode": "append", "batch_rows": 150, "workers": 2}
    report = propload.ingest(rows, table="homes", **settings)
    assert report.counts.rejected == ROWS
    return report.run_id, settings


def assert_every_row_is_stored_once(database):
    stored = read_table(database, "homes").sort("id")
    assert stored["id"].to_list() == list(range(ROWS))
    assert stored["tags"].to_list() == [["a", str(n)] for n in range(ROWS)]


def test_rows_a_fix_fails_on_are_rejected_again_and_mended_by_another(
    database, rejected, state_dir, caplog
):
    run_id, settings = rejected
    first = propload.replay(run_id, fix=mend_early_rows, **settings)
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
    # the run itself has no rows left: the error says where they are now
    with pytest.raises(ConfigError, match=f"rejects show {first.run_id}"):
        propload.replay(run_id, fix=mend, **settings)
    assert propload.replay(fix=mend, **settings).counts.inserted == 200
    assert_every_row_is_stored_once(database)
    assert RejectStore(state_dir / "rejects").runs() == []


def test_stopped_replay_must_be_finished_with_the_fix_it_had(
    database, rejected, state_dir
):
    run_id, settings = rejected
    with pytest.raises(RejectLimitError):
        propload.replay(run_id, fix=mend_early_rows, max_rejects=0, **settings)
    added = read_table(database, "homes").height
    assert added > 0
    message = (
        r"continue with the fix that it had, and replay what that rejects .*replay "
    )
    with pytest.raises(ConfigError, match=message):
        propload.replay(run_id, fix=mend, **settings)
    assert read_table(database, "homes").height == added
    finished = propload.replay(run_id, fix=mend_early_rows, **settings)
    assert (finished.counts.read, finished.counts.rejected) == (ROWS, 200)
    propload.replay(finished.run_id, fix=mend, **settings)
    assert_every_row_is_stored_once(database)
    assert RejectStore(state_dir / "rejects").runs() == []


def test_fix_that_fails_before_any_row_is_loaded_ends_the_replay(
    database, rejected, state_dir
):
    run_id, settings = rejected

    def fail(frame):
        return frame.select("nothing")

    with pytest.raises(ConfigError, match="fail failed on 100 rejected rows"):
        propload.replay(run_id, fix=fail, **settings)
    assert propload.rejects(run_id).height == ROWS
    propload.replay(run_id, fix=mend, **settings)
    assert_every_row_is_stored_once(database)
