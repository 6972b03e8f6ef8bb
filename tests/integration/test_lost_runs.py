"""Resuming does not add rows a second time if the ledger has lost their run."""

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
MESSAGE = r"of .*homes\.csv.* no longer knows it.* without --resume"


@pytest.fixture
def csv(tmp_path):
    """Write a file of rows, the last of them bad, and return its path."""
    path = tmp_path / "homes.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(ROWS)) + "none\n")
    return path


@pytest.fixture
def load(database, csv):
    """Load the file into a table of numbers."""
    run_sql(database, "CREATE TABLE homes (id bigint)")

    def load(**settings):
        arguments = {
            "to": database,
            "table": "homes",
            "mode": "append",
            "batch_rows": 500,
        }
        return propload.ingest(csv, **{**arguments, **settings})

    return load


def load_until_bad_row(load, **settings):
    """Load until the bad row stops the run, and return the run's name."""
    with pytest.raises(RejectLimitError) as caught:
        load(max_rejects=0, **settings)
    assert caught.value.report.counts.inserted
    return caught.value.report.run_id


def leave_killed(state_dir, run_id, csv, database, *, is_entered):
    """Leave what a killed process leaves of a run."""
    [report] = ReportStore(state_dir / "runs").newest()
    one = UnfinishedRun(run_id, str(csv), report.target, datetime.now(UTC), 1)
    path = state_dir / "runs" / f"{run_id}.begun"
    with mark_running(path.parent, one) as note:
        if is_entered:
            note.note_entered()
        left = path.read_bytes()
    path.write_bytes(left)
    ReportStore(state_dir / "runs").files.path(report.run_id).unlink()


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("is_named", [False, True])
def test_resume_is_refused_if_the_ledger_lost_a_run_that_appended(
    load, database, lost, is_named
):
    run_id = load_until_bad_row(load)
    before = read_table(database, "homes").height
    run_sql(database, *LOST[lost])
    with pytest.raises(
        ConfigError, match=rf"run {run_id} wrote {before:,} rows {MESSAGE}"
    ):
        load(resume=run_id if is_named else True)
    assert read_table(database, "homes").height == before
    # after a load without resume, as advised, resuming finds that load
    report = load()
    assert load(resume=True).run_id == report.run_id


def test_resume_does_not_fall_back_to_an_older_known_run(load, database):
    load_until_bad_row(load)
    lost = load_until_bad_row(load)
    run_sql(database, f"DELETE FROM propload.runs WHERE run_id = '{lost}'")
    with pytest.raises(ConfigError, match=rf"run {lost} wrote .*{MESSAGE}"):
        load(resume=True)


@pytest.mark.parametrize("is_entered", [True, False])
def test_lost_killed_run_blocks_resume_only_if_it_was_in_a_ledger(
    load, database, state_dir, csv, is_entered
):
    before = load().counts.inserted
    run_sql(database, *LOST["its rows"])
    run = "20990101T000000-00000abc"
    leave_killed(state_dir, run, csv, database, is_entered=is_entered)
    if is_entered:
        with pytest.raises(ConfigError, match=rf"run {run} {MESSAGE}"):
            load(resume=True)
    else:
        assert load(resume=True).counts.inserted == before


def test_lost_run_that_had_loaded_all_only_causes_a_warning(load, database, caplog):
    run_id = load().run_id
    run_sql(database, *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS
    assert f"run {run_id} wrote 3,000 rows" in caplog.text
    assert "if these are the same rows, they are added a second time" in caplog.text


def test_lost_run_does_not_block_resume_if_its_rows_are_gone_too(load, database):
    load_until_bad_row(load)
    run_sql(database, "TRUNCATE homes", *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS


def test_lost_run_does_not_block_resume_of_rows_with_a_key(load, database):
    run_sql(database, "ALTER TABLE homes ADD PRIMARY KEY (id)")
    load_until_bad_row(load)
    run_sql(database, *LOST["the schema"])
    assert load(mode="upsert", key="id", resume=True).counts.accounted == ROWS + 1
    assert read_table(database, "homes").height == ROWS


def test_lost_replace_without_effect_does_not_block_resume(load, database):
    run_sql(database, "INSERT INTO homes VALUES (-1)")
    load_until_bad_row(load, mode="replace")
    run_sql(database, *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS


def test_lost_run_into_another_database_does_not_block_resume(
    load, database, state_dir
):
    load_until_bad_row(load)
    store = ReportStore(state_dir / "runs")
    [path] = store.files.all()
    text = path.read_text()
    label = store.read().target.database
    path.write_text(text.replace(label, "elsewhere"))
    run_sql(database, *LOST["its rows"])
    assert load(resume=True).counts.inserted == ROWS


def test_replay_is_refused_if_the_ledger_lost_its_earlier_replay(database):
    run_sql(database, "CREATE TABLE homes (id bigint)")
    rows = pl.DataFrame({"id": [*(["none"] * 200), "x"]})
    run = propload.ingest(rows, to=database, table="homes", mode="append").run_id

    def mend(frame):
        is_bad = pl.col("id") == "none"
        return frame.with_columns(id=pl.when(is_bad).then(pl.lit("1")).otherwise("id"))

    settings = {"fix": mend, "to": database, "batch_rows": 50}
    with pytest.raises(RejectLimitError) as caught:
        replay(run, max_rejects=0, **settings)
    stored = caught.value.report.counts.inserted
    assert stored
    run_sql(database, *LOST["its rows"])
    with pytest.raises(ConfigError, match=rf"rejects export {run} --output FILE"):
        replay(run, **settings)
    assert read_table(database, "homes").height == stored
