"""A key that nobody has is a mistake of the caller, and leaves no trace."""

import pytest

import propload
from propload.errors import ConfigError
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
