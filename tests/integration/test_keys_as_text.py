"""Keys given with a decimal point for a table that holds whole numbers."""

import polars as pl
import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

LOAD = {"table": "x", "key": "id", "progress": False}


@pytest.mark.parametrize("type_", ["text", "varchar(9)", "bigint", "numeric"])
@pytest.mark.parametrize("keys", [[7.0, None], [7], ["7"]])
def test_keys_of_equal_value_find_the_same_row(database, state_dir, type_, keys):
    run_sql(database, f"CREATE TABLE x (id {type_} PRIMARY KEY, v int)")
    run_sql(database, "INSERT INTO x VALUES ('7', 1)")
    rows = pl.DataFrame({"id": keys, "v": [2, 3][: len(keys)]})
    report = propload.ingest(rows, to=database, **LOAD)
    assert (report.counts.inserted, report.counts.updated) == (0, 1)
    assert query(database, "SELECT id::text, v FROM x") == [("7", 2)]
