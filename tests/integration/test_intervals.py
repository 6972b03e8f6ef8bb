"""Spans of time are intervals, from a workbook as from a file with types."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql
from tests.unit.sources.workbooks import Span, workbook

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
@pytest.mark.parametrize("pg_type", [None, "interval", "text"])
def test_spans_of_time(database, tmp_path, kind, pg_type):
    path = tmp_path / f"rows.{kind}"
    if kind == "xlsx":
        path.write_bytes(workbook(One=[["id", "open"], [1, Span(1.0625)]]))
    else:
        spans = [timedelta(days=1.0625)]
        pl.DataFrame({"id": [1], "open": spans}).write_parquet(path)
    if pg_type:
        run_sql(database, f"CREATE TABLE rows (id int PRIMARY KEY, open {pg_type})")
    told = {"to": database, "table": "rows", "key": "id", "progress": False}
    assert propload.ingest(path, **told).counts.inserted == 1
    with connect(database) as session:
        found = session.rows(
            "SELECT pg_typeof(open)::text, open::interval = '25:30:00' FROM rows"
        )
    assert found == [(pg_type or "interval", True)]
