"""A table whose name needs quotes is handled like any other."""

from __future__ import annotations

import polars as pl
import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

ROWS = [{"id": number, "extra": number} for number in range(10)]
NAMES = ['"a.b"', '"my.ns".t', 'public."q""t"', '"my.ns"."a.""b"""']


@pytest.fixture(params=NAMES)
def target(database, request):
    run_sql(
        database,
        'CREATE SCHEMA "my.ns"',
        f"CREATE TABLE {request.param} (id bigint PRIMARY KEY)",
    )
    return {"to": database, "table": request.param, "progress": False}


@pytest.fixture
def stored_ids(database, target):
    """Return a function that reads the ids in the table."""

    def read_ids():
        return [
            row[0] for row in query(database, f"TABLE {target['table']} ORDER BY id")
        ]

    return read_ids


def test_rejected_rows_are_replayed_and_their_runs_dropped(target, stored_ids):
    report = propload.ingest([{"id": 1}, {"id": None}], mode="append", **target)
    assert report.counts.rejected == 1
    again = propload.replay(
        report.run_id, fix=lambda rows: rows.with_columns(id=pl.lit(2)), to=target["to"]
    )
    assert again.counts.inserted == 1
    assert stored_ids() == [1, 2]
    runs = propload.runs(table=target["table"])
    assert {one.run_id for one in runs} == {report.run_id, again.run_id}
    assert propload.drop_runs(0, to=target["to"], table=target["table"]).reports == 2


def test_leftover_journal_is_recovered_by_the_next_load(target, database, stored_ids):
    with pytest.raises(propload.LoadError, match="10 rows wait in the journal"):
        propload.ingest(iter(ROWS), **target)
    assert len(propload.leftovers(table=target["table"])) == 1
    run_sql(database, f"ALTER TABLE {target['table']} ADD COLUMN extra bigint")
    propload.ingest([{"id": 99}], **target)
    assert stored_ids() == [*range(10), 99]
    assert propload.leftovers() == []


def test_unfinished_run_is_resumed(target, database, stored_ids, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id\n1\n\n2\nx\n3\n", encoding="utf-8")
    with pytest.raises(propload.RejectLimitError) as caught:
        propload.ingest(path, mode="append", max_rejects=0, **target)
    run = caught.value.report.run_id
    report = propload.ingest(path, mode="append", resume=run, **target)
    assert report.run_id == run
    assert stored_ids() == [1, 2, 3]


def test_table_is_replaced_under_its_lock(target, stored_ids):
    propload.ingest([{"id": 1}], **target)
    rows = [{"id": 5}, {"id": 5}, {"id": None}]
    report = propload.ingest(rows, mode="replace", key="id", lock=True, **target)
    assert report.counts.rejected == 1
    assert stored_ids() == [5]
