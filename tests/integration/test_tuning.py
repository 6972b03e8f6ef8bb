"""The search for batch size and workers, on a real server."""

import subprocess
import sys
import tomllib

import polars as pl
import pytest
from typer.testing import CliRunner

import propload
from propload import cli, trials, tuning
from propload.errors import ConfigError, LoadError, WriteError
from propload.options import BATCH_ROWS
from propload.postgres.session.connection import connect
from propload.trials import Trial, Tuning
from propload.tuning import tune
from tests.integration.reading import query, run_sql
from tests.integration.users import new_user

pytestmark = pytest.mark.timeout(120)

ROWS = [{"id": number, "name": f"name {number}"} for number in range(300)]
NAMESPACES = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'propload%'"


def namespaces(database):
    with connect(database) as session:
        return [name for (name,) in session.rows(NAMESPACES)]


def test_tuning_reports_each_trial_and_leaves_nothing_behind(database):
    reported = []
    result = tune(
        ROWS, to=database, table="rows", key="id", seconds=1, on_trial=reported.append
    )
    assert reported == list(result.trials)
    assert result.rows == 300
    # all sizes that are no smaller than the sample count as the same
    assert {trial.batch_rows for trial in result.trials} == {BATCH_ROWS}
    assert {"batch_rows", "workers"} == set(result.as_dict()["best"])
    assert f"workers = {result.leading.workers}" in result.conclusion
    assert namespaces(database) == []
    with connect(database) as session:
        assert session.rows("SELECT to_regclass('public.rows') IS NULL") == [(True,)]


def test_tuning_leaves_the_target_table_alone(database):
    with connect(database) as session:
        session.execute("CREATE TABLE rows (id bigint PRIMARY KEY, name text)")
        session.execute("INSERT INTO rows VALUES (1, 'mine')")
        session.commit()
    tune(ROWS, to=database, table="rows", seconds=1)
    with connect(database) as session:
        assert session.rows("SELECT id, name FROM rows") == [(1, "mine")]


#: What a second user is granted on the ledger, except DELETE.
USE_OF_LEDGER = (
    "GRANT USAGE ON SCHEMA propload TO second_loader",
    "GRANT SELECT, INSERT, UPDATE ON propload.runs TO second_loader",
    "GRANT SELECT, INSERT ON propload.ledger TO second_loader",
)


@pytest.mark.parametrize("rights", [(), USE_OF_LEDGER], ids=["none", "without-delete"])
def test_tuning_removes_its_tables_for_a_user_who_may_not_delete_from_the_ledger(
    database, rights
):
    propload.ingest(ROWS, to=database, table="first", key="id")
    name = query(database, "SELECT quote_ident(current_database())")[0][0]
    create = f"GRANT CREATE ON DATABASE {name} TO second_loader"
    with new_user(database, "second_loader", create, *rights) as second:
        assert tune(ROWS, to=second, table="rows", key="id", seconds=1).rows == 300
        assert namespaces(database) == ["propload"]
    assert ("public.first",) in query(database, "SELECT target FROM propload.runs")


def test_settings_of_a_job_that_concern_its_runs_are_ignored(
    database, tmp_path, monkeypatch
):
    path = tmp_path / "propload.toml"
    path.write_text('[jobs.nightly]\ntable = "rows"\nkey = "id"\nresume = "none"\n')
    monkeypatch.setenv("PROPLOAD_CONFIG", str(path))
    assert tune(ROWS, job="nightly", to=database, seconds=1).rows == 300


def test_error_for_unfit_rows_mentions_neither_resume_nor_scratch_tables(database):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY, sold date NOT NULL)")
    with pytest.raises(LoadError, match="column sold is NOT NULL") as caught:
        tune(pl.DataFrame({"id": [1, 2]}), to=database, table="homes", seconds=1)
    assert "--resume" not in str(caught.value)
    with pytest.raises(LoadError, match=r"tried: .*public\.homes lacks") as caught:
        tune(pl.DataFrame({"no": [1]}), to=database, table="homes", key="no", seconds=1)
    assert "propload_tune" not in str(caught.value)
    assert caught.value.report is None


@pytest.mark.parametrize("rows", [0, -1])
def test_sample_of_less_than_one_row_is_refused(rows):
    with pytest.raises(ConfigError, match=f"rows is {rows}: give a whole number"):
        tune(ROWS, to="postgresql://u@127.0.0.1:1/nowhere", key="id", rows=rows)


def test_read_only_server_is_not_reported_as_a_missing_privilege(database):
    name = query(database, "SELECT quote_ident(current_database())")[0][0]
    run_sql(database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(WriteError, match="the server is read-only") as caught:
        tune(ROWS, to=database, table="rows", key="id", seconds=1)
    assert "GRANT" not in str(caught.value)


@pytest.fixture
def tiny_default(monkeypatch):
    """Make tiny batches the default."""
    monkeypatch.setattr(trials, "_DEFAULT", (200, 2))
    for module in (trials, tuning):
        monkeypatch.setattr(module, "BATCH_ROWS", 200)
    monkeypatch.setattr(tuning, "WORKERS_TRIED", (2,))
    monkeypatch.setattr(tuning, "BATCH_ROWS_TRIED", (5_000,))


@pytest.mark.one_server
def test_clear_winner_is_written_to_the_configuration(
    database, tmp_path, monkeypatch, tiny_default
):
    rows = pl.DataFrame({"id": range(trials.FEWEST_ROWS), "name": "a house"})
    rows.write_parquet(tmp_path / "rows.parquet")
    monkeypatch.chdir(tmp_path)
    arguments = ["rows.parquet", "--to", database, "--table", "rows", "--key", "id"]
    result = CliRunner().invoke(
        cli.build_app(), ["tune", *arguments, "--seconds", "100", "--write"]
    )
    assert result.exit_code == 0, result.output
    assert "best: batch_rows = 5000 and workers = 2: " in result.stdout
    # a busy machine may change one of them, but not the verdict
    assert " of 12 comparisons" in result.stdout
    settings = tomllib.loads((tmp_path / "propload.toml").read_text())
    assert settings == {"batch_rows": 5_000, "workers": 2}


@pytest.mark.one_server
def test_tuning_without_time_to_compare_keeps_the_default(database, tiny_default):
    rows = pl.DataFrame({"id": range(trials.FEWEST_ROWS), "name": "a house"})
    result = tune(rows, to=database, table="rows", key="id", seconds=0.01)
    assert (len(result.trials), result.pairs, result.best) == (1, (), result.default)
    assert "there was no time to try another choice: leave both to auto" in str(result)


def test_interrupt_removes_the_scratch_tables(database):
    def interrupt(_trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(ROWS, to=database, table="rows", key="id", on_trial=interrupt)
    assert namespaces(database) == []


def test_sigterm_removes_the_scratch_tables(database, tmp_path):
    path = tmp_path / "rows.csv"
    pl.DataFrame(ROWS).write_csv(path)
    command = [sys.executable, "-m", "propload", "tune", path, "--to", database]
    with subprocess.Popen(
        [*command, "--table", "rows", "--key", "id"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        # the first trial is reported: there are scratch tables now
        assert "rows/s" in process.stderr.readline()
        assert namespaces(database)
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert namespaces(database) == []


def test_smaller_of_two_equally_fast_choices_is_the_best():
    def trial(workers, batch_rows, speed):
        return Trial(batch_rows, workers, 1.0, speed, 1 << 20)

    result = Tuning(
        "rows",
        10,
        (
            trial(2, 50_000, 1000.0),
            trial(4, 50_000, 1010.0),
            trial(2, 10_000, 960.0),
            trial(1, 50_000, 600.0),
        ),
    )
    assert (result.leading.workers, result.leading.batch_rows) == (2, 10_000)
    assert "◀" in str(result)
    assert "<table>" in result._repr_html_()
