"""Rejected rows are replayed in the order of their source: the last one wins."""

import polars as pl
import pytest

import propload
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def mend(frame):
    return frame.with_columns(price=pl.lit("7"), day=pl.lit("2026-01-01"))


@pytest.mark.parametrize(
    "older",
    [
        # rejected for a later column than the newer row
        {"price": "5", "day": "someday"},
        # rejected by the database, after the newer row
        {"price": "-5", "day": "2026-01-01"},
    ],
)
def test_last_row_of_a_key_wins_although_it_was_rejected_first(database, older):
    run_sql(
        database,
        "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint CHECK (price > 0), "
        "day date, note text)",
    )
    newer = {"price": "dear", "day": "2026-01-01"}
    rows = [{"id": "1", **older, "note": "old"}, {"id": "1", **newer, "note": "new"}]
    report = propload.ingest(rows, to=database, table="homes", key="id")
    assert report.counts.rejected == 2
    again = propload.replay(report.run_id, fix=mend, to=database)
    assert (again.counts.inserted, again.counts.duplicates) == (1, 1)
    assert read_table(database, "homes")["note"].to_list() == ["new"]
