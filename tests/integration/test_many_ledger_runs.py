"""A run reads only its own entry of a ledger that holds years of runs."""

import json

import polars as pl
import pytest

import propload
from propload.errors import RejectLimitError
from propload.postgres.session.connection import Connection
from tests.integration.reading import query, run_sql
from tests.integration.users import user_without_a_ledger

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

#: The number of runs that other sources have left.
OTHERS = 200
ENTER = f"""
INSERT INTO propload.runs (run_id, source, target, mode, status)
SELECT 'old-' || number, 'source ' || number, 'public.homes', 'upsert', 'loaded'
FROM generate_series(1, {OTHERS}) AS number"""


@pytest.fixture
def load(database, tmp_path):
    path = tmp_path / "homes.csv"
    pl.DataFrame({"id": ["1", "2", "none", "4"]}).write_csv(path)

    def load(dsn=database, **settings):
        arguments = {"to": dsn, "table": "homes", "key": "id", "batch_rows": 1}
        return propload.ingest(path, **{**arguments, **settings})

    return load


@pytest.fixture
def counts_read(monkeypatch):
    """Return a list to which each query of the ledger adds the number of its rows."""
    counted = []
    ask = Connection.ask

    def count(self, sql, *parameters):
        rows = ask(self, sql, *parameters)
        if "FROM propload.runs" in sql and "fingerprint" in sql:
            counted.append(len(rows))
        return rows

    monkeypatch.setattr(Connection, "ask", count)
    return counted


@pytest.mark.parametrize("is_named", [False, True])
def test_resume_reads_only_the_run_that_it_resumes(
    load, database, counts_read, is_named
):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    with pytest.raises(RejectLimitError) as caught:
        load(max_rejects=0)
    run_sql(database, ENTER)
    run_id = caught.value.report.run_id
    assert load(resume=run_id if is_named else True).run_id == run_id
    assert counts_read
    assert max(counts_read) == 1


def test_appending_replay_reads_no_runs_of_other_rows(load, database, counts_read):
    run_sql(database, "CREATE TABLE homes (id int)")
    report = load(mode="append", key=None)
    run_sql(database, ENTER, "ALTER TABLE homes ALTER id TYPE text")
    replayed = propload.replay(report.run_id, to=database, table="homes", mode="append")
    assert replayed.counts.inserted == 1
    assert set(counts_read) == {0}


def test_only_the_first_line_of_other_ledger_files_is_read(load, database, state_dir):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    with user_without_a_ledger(database, "homes") as limited:
        with pytest.raises(RejectLimitError) as caught:
            load(limited, max_rejects=0)
        (path,) = (state_dir / "runs").glob("*.ledger.ndjson")
        first, *following = path.read_text().splitlines()
        assert following
        other = json.loads(first)
        other["run"] |= {"run_id": "20990101T000000-00000000", "source": "other"}
        # reading what follows would be an error
        text = f"{json.dumps(other)}\n" + '{"run": 7}\n'
        path.with_name("20990101T000000-00000000.ledger.ndjson").write_text(text)
        assert load(limited, resume=True).run_id == caught.value.report.run_id
        assert query(database, "SELECT count(*) FROM homes") == [(3,)]
