"""What a run asks of a ledger that knows those of years: of them all it wants one."""

import json

import polars as pl
import pytest

import propload
from propload.errors import RejectLimitError
from propload.postgres.session.connection import Connection
from tests.integration.reading import query, run_sql
from tests.integration.users import user_without_a_ledger

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

#: What other sources have left.
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
        told = {"to": dsn, "table": "homes", "key": "id", "batch_rows": 1}
        return propload.ingest(path, **{**told, **settings})

    return load


@pytest.fixture
def read(monkeypatch):
    """Count how many lines of the ledger come over the line. Value: for each query."""
    counted = []
    ask = Connection.ask

    def count(self, sql, *given):
        found = ask(self, sql, *given)
        if "FROM propload.runs" in sql and "fingerprint" in sql:
            counted.append(len(found))
        return found

    monkeypatch.setattr(Connection, "ask", count)
    return counted


@pytest.mark.parametrize("is_named", [False, True])
def test_a_run_that_is_gone_on_with_reads_no_other_ones(load, database, read, is_named):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    with pytest.raises(RejectLimitError) as caught:
        load(max_rejects=0)
    run_sql(database, ENTER)
    run_id = caught.value.report.run_id
    assert load(resume=run_id if is_named else True).run_id == run_id
    assert read
    assert max(read) == 1


def test_a_replay_that_appends_reads_no_runs_of_other_rows(load, database, read):
    run_sql(database, "CREATE TABLE homes (id int)")
    report = load(mode="append", key=None)
    run_sql(database, ENTER, "ALTER TABLE homes ALTER id TYPE text")
    replayed = propload.replay(report.run_id, to=database, table="homes", mode="append")
    assert replayed.counts.inserted == 1
    assert set(read) == {0}


def test_of_the_files_of_other_runs_only_the_first_line_is_read(
    load, database, state_dir
):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY)")
    with user_without_a_ledger(database, "homes") as limited:
        with pytest.raises(RejectLimitError) as caught:
            load(limited, max_rejects=0)
        (path,) = (state_dir / "runs").glob("*.ledger.ndjson")
        first, rest = path.read_text().split("\n", 1)
        other = json.loads(first)
        other["run"] |= {"run_id": "20990101T000000-00000000", "source": "other"}
        # what follows would be an error if somebody read it
        text = f"{json.dumps(other)}\n" + '{"run": 7}\n'
        path.with_name("20990101T000000-00000000.ledger.ndjson").write_text(text)
        assert rest
        assert load(limited, resume=True).run_id == caught.value.report.run_id
        assert query(database, "SELECT count(*) FROM homes") == [(3,)]
