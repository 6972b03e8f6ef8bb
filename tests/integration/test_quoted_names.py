"""A table whose name needs quotes is gone on with like any other."""

from __future__ import annotations

import polars as pl
import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

ROWS = [{"id": number, "extra": number} for number in range(10)]
NAMES = ['"a.b"', '"my.ns".t', 'public."q""t"', '"my.ns"."a.""b"""']


@pytest.fixture(params=NAMES)
def goal(database, request):
    run_sql(
        database,
        'CREATE SCHEMA "my.ns"',
        f"CREATE TABLE {request.param} (id bigint PRIMARY KEY)",
    )
    return {"to": database, "table": request.param, "progress": False}


@pytest.fixture
def stored(database, goal):
    """Return the ids that the table holds."""

    def ids():
        return [row[0] for row in query(database, f"TABLE {goal['table']} ORDER BY id")]

    return ids


def test_refused_rows_are_replayed(goal, stored):
    report = propload.ingest([{"id": 1}, {"id": None}], mode="append", **goal)
    assert report.counts.rejected == 1
    again = propload.replay(
        report.run_id, fix=lambda rows: rows.with_columns(id=pl.lit(2)), to=goal["to"]
    )
    assert again.counts.inserted == 1
    assert stored() == [1, 2]
    runs = propload.runs(table=goal["table"])
    assert {one.run_id for one in runs} == {report.run_id, again.run_id}
    assert propload.drop_runs(0, to=goal["to"], table=goal["table"]).reports == 2


def test_a_journal_is_recovered_and_shuts_the_table_for_nobody(goal, database, stored):
    with pytest.raises(propload.LoadError, match="10 rows wait in the journal"):
        propload.ingest(iter(ROWS), **goal)
    assert len(propload.leftovers(table=goal["table"])) == 1
    run_sql(database, f"ALTER TABLE {goal['table']} ADD COLUMN extra bigint")
    propload.ingest([{"id": 99}], **goal)
    assert stored() == [*range(10), 99]
    assert propload.leftovers() == []


def test_a_run_that_did_not_finish_is_resumed(goal, database, stored, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id\n1\n\n2\nx\n3\n", encoding="utf-8")
    with pytest.raises(propload.RejectLimitError) as caught:
        propload.ingest(path, mode="append", max_rejects=0, **goal)
    run = caught.value.report.run_id
    report = propload.ingest(path, mode="append", resume=run, **goal)
    assert report.run_id == run
    assert stored() == [1, 2, 3]


def test_it_is_replaced_under_its_lock(goal, stored):
    propload.ingest([{"id": 1}], **goal)
    rows = [{"id": 5}, {"id": 5}, {"id": None}]
    report = propload.ingest(rows, mode="replace", key="id", lock=True, **goal)
    assert report.counts.rejected == 1
    assert stored() == [5]
