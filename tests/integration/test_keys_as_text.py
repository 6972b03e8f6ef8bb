"""Keys that come with a decimal point and are text in the table, which is told."""

import polars as pl
import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

LOAD = {"table": "x", "key": "id", "progress": False}
TOLD = "column id of the key is double precision and goes into text of public.x"


def told_of(notes):
    return [note for note in notes if "another key" in note]


def test_report_and_check_say_that_floats_are_other_keys(database, state_dir):
    run_sql(database, "CREATE TABLE x (id text PRIMARY KEY, v int)")
    run_sql(database, "INSERT INTO x VALUES ('7', 1)")
    rows = pl.DataFrame({"id": [7.0, None], "v": [2, 3]})
    checked = propload.check(rows, to=database, **LOAD)
    report = propload.ingest(rows, to=database, **LOAD)
    assert report.counts.inserted == 1
    for notes in (checked.notes, report.notes):
        (note,) = told_of(notes)
        assert note.startswith(TOLD)
        assert "7 is stored as 7.0" in note


@pytest.mark.parametrize(
    ("type_", "keys"), [("bigint", [7.0]), ("text", [7]), ("text", ["7.0"])]
)
def test_keys_that_mean_the_same_are_not_told_of(database, state_dir, type_, keys):
    run_sql(database, f"CREATE TABLE x (id {type_} PRIMARY KEY, v float)")
    rows = pl.DataFrame({"id": keys, "v": [1.5]})
    assert not told_of(propload.check(rows, to=database, **LOAD).notes)
    assert not told_of(propload.ingest(rows, to=database, **LOAD).notes)
