"""Durations become intervals, from a workbook as from a typed file."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql
from tests.unit.sources.workbooks import Span, workbook

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("extension", ["xlsx", "parquet"])
@pytest.mark.parametrize("pg_type", [None, "interval", "text"])
def test_duration_is_stored_as_interval_or_as_text_of_equal_length(
    database, tmp_path, extension, pg_type
):
    path = tmp_path / f"rows.{extension}"
    if extension == "xlsx":
        path.write_bytes(workbook(One=[["id", "open"], [1, Span(1.0625)]]))
    else:
        spans = [timedelta(days=1.0625)]
        pl.DataFrame({"id": [1], "open": spans}).write_parquet(path)
    if pg_type:
        run_sql(database, f"CREATE TABLE rows (id int PRIMARY KEY, open {pg_type})")
    settings = {"to": database, "table": "rows", "key": "id", "progress": False}
    assert propload.ingest(path, **settings).counts.inserted == 1
    with connect(database) as session:
        rows = session.rows(
            "SELECT pg_typeof(open)::text, open::interval = '25:30:00' FROM rows"
        )
    assert rows == [(pg_type or "interval", True)]
