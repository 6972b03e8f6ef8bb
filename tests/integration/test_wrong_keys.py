"""A key that nobody has is a mistake of the caller, and leaves no trace."""

import pytest

import propload
from propload.errors import ConfigError, LoadError
from tests.integration.postgres.writing import query

pytestmark = pytest.mark.timeout(60)

COLUMNS = (
    "SELECT attname::text FROM pg_attribute "
    "WHERE attrelid = 'homes'::regclass AND attnum > 0 ORDER BY attnum"
)


def test_pushed_rows_add_no_column_for_a_misspelt_key(database):
    told = {"to": database, "table": "homes", "on_new_columns": "add"}
    propload.ingest([{"id": 1, "v": 2}], key="id", **told)
    with (
        pytest.raises(ConfigError, match=r"column idd is needed .* of the rows: id, v"),
        propload.Loader(key="idd", **told) as loader,
    ):
        loader.put({"id": 2, "v": 3})
    assert query(database, COLUMNS) == [("id",), ("v",)]


def test_rows_that_wait_behind_a_misspelt_key_are_told_and_loaded_by_another(
    database,
):
    told = {"to": database, "table": "homes"}
    rows = [{"id": n, "v": 1} for n in range(3)]
    with pytest.raises(ConfigError) as caught:
        propload.ingest(iter(rows), key="idd", **told)
    (left,) = propload.leftovers()
    assert "column idd is needed" in str(caught.value)
    assert "3 rows wait in the journal" in str(caught.value)
    assert f"propload recover {left.run_id} --key" in str(caught.value)
    # what came first goes first: the next run says the same
    with pytest.raises(LoadError, match=rf"recover RUN --key .* are: {left.run_id}"):
        propload.ingest(iter(rows), key="id", **told)
    (report,) = propload.recover(left.run_id, key="id", to=database)
    assert report.counts.inserted == 3
    assert propload.ingest(iter(rows), key="id", **told).counts.unchanged == 3
