"""Rows of a run that the ledger has lost are not added a second time by --resume."""

from datetime import UTC, datetime

import polars as pl
import pytest

import propload
from propload.earlier_runs.replaying import replay
from propload.errors import ConfigError, RejectLimitError
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRun, mark_running
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

ROWS = 3_000
LOST = {
    "its rows": ["DELETE FROM propload.ledger", "DELETE FROM propload.runs"],
    "the schema": ["DROP SCHEMA propload CASCADE"],
}
TOLD = r"of .*homes\.csv.* no longer knows it.* without --resume"


@pytest.fixture
def csv(tmp_path):
    """Write rows of which the last is bad."""
    path = tmp_path / "homes.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(ROWS)) + "none\n")
    return path


@pytest.fixture
def load(database, csv):
    """Load the file into a table of numbers."""
    run_sql(database, "CREATE TABLE homes (id bigint)")

    def load(**settings):
        told = {"to": database, "table": "homes", "mode": "append", "batch_rows": 500}
        return propload.ingest(csv, **{**told, **settings})

    return load


def stopped(load, **settings):
    """Load until the bad row, and return the run's name."""
    with pytest.raises(RejectLimitError) as caught:
        load(max_rejects=0, **settings)
    assert caught.value.report.counts.inserted
    return caught.value.report.run_id


def leave_killed(state_dir, run_id, csv, database, *, is_entered):
    """Leave what a process leaves that is killed."""
    [report] = ReportStore(state_dir / "runs").newest()
    one = UnfinishedRun(run_id, str(csv), report.target, datetime.now(UTC), 1)
    path = state_dir / "runs" / f"{run_id}.begun"
    with mark_running(path.parent, one) as note:
        if is_entered:
            note.note_entered()
        left = path.read_bytes()
    path.write_bytes(left)
    ReportStore(state_dir / "runs").files.path(report.run_id).unlink()


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("is_named", [False, True])
def test_rows_are_not_added_again_where_the_ledger_lost_their_run(
    load, database, how, is_named
):
    run_id = stopped(load)
    before = read_table(database, "homes").height
    run_sql(database, *LOST[how])
    with pytest.raises(
        ConfigError, match=rf"run {run_id} wrote {before:,} rows {TOLD}"
    ):
        load(resume=run_id if is_named else True)
    assert read_table(database, "homes").height == before
    # who does what the message says is not stopped again
    report = load()
    assert load(resume=True).run_id == report.run_id


def test_an_older_run_that_the_ledger_knows_is_not_taken_for_the_lost_one(
    load, database
):
    stopped(load)
    lost = stopped(load)
    run_sql(database, f"DELETE FROM propload.runs WHERE run_id = '{lost}'")
    with pytest.raises(ConfigError, match=rf"run {lost} wrote .*{TOLD}"):
        load(resume=True)


@pytest.mark.parametrize("is_entered", [True, False])
def test_a_killed_run_is_missed_only_if_a_ledger_had_held_it(
    load, database, state_dir, csv, is_entered
):
    before = load().counts.inserted
    run_sql(database, *LOST["its rows"])
    run = "20990101T000000-00000abc"
    leave_killed(state_dir, run, csv, database, is_entered=is_entered)
    if is_entered:
        with pytest.raises(ConfigError, match=rf"run {run} {TOLD}"):
            load(resume=True)
    else:
        assert load(resume=True).counts.inserted == before


def test_rows_of_a_lost_run_that_had_loaded_all_are_added_with_a_word(
    load, database, caplog
):
    run_id = load().run_id
    run_sql(database, *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS
    assert f"run {run_id} wrote 3,000 rows" in caplog.text
    assert "if these are the same rows, they are added a second time" in caplog.text


def test_a_lost_run_whose_rows_are_gone_as_well_is_not_missed(load, database):
    stopped(load)
    run_sql(database, "TRUNCATE homes", *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS


def test_a_lost_run_is_not_missed_by_rows_that_are_written_by_their_key(load, database):
    run_sql(database, "ALTER TABLE homes ADD PRIMARY KEY (id)")
    stopped(load)
    run_sql(database, *LOST["the schema"])
    assert load(mode="upsert", key="id", resume=True).counts.accounted == ROWS + 1
    assert read_table(database, "homes").height == ROWS


def test_a_replace_that_did_not_take_effect_is_not_missed(load, database):
    run_sql(database, "INSERT INTO homes VALUES (-1)")
    stopped(load, mode="replace")
    run_sql(database, *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS


def test_a_run_into_another_database_is_not_missed(load, database, state_dir):
    stopped(load)
    store = ReportStore(state_dir / "runs")
    [path] = store.files.all()
    told = path.read_text()
    label = store.read().target.database
    path.write_text(told.replace(label, "elsewhere"))
    run_sql(database, *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS


def test_rejected_rows_are_not_added_again_where_the_ledger_lost_their_replay(
    database,
):
    run_sql(database, "CREATE TABLE homes (id bigint)")
    given = pl.DataFrame({"id": [*(["none"] * 200), "x"]})
    run = propload.ingest(given, to=database, table="homes", mode="append").run_id

    def mend(frame):
        is_bad = pl.col("id") == "none"
        return frame.with_columns(id=pl.when(is_bad).then(pl.lit("1")).otherwise("id"))

    told = {"fix": mend, "to": database, "batch_rows": 50}
    with pytest.raises(RejectLimitError) as caught:
        replay(run, max_rejects=0, **told)
    stored = caught.value.report.counts.inserted
    assert stored
    run_sql(database, *LOST["its rows"])
    with pytest.raises(ConfigError, match=rf"rejects export {run} --output FILE"):
        replay(run, **told)
    assert read_table(database, "homes").height == stored
