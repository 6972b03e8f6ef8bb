"""A check sees a column that has no type in its schema as the source holds it."""

import pandera.polars as pa
import polars as pl
import pytest

import propload
from tests.integration.reading import query

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def test_lists_and_structs_without_a_type_are_checked_as_given(database):
    def check(test):
        return pa.Check(lambda rows: rows.lazyframe.select(test(pl.col(rows.key))))

    schema = pa.DataFrameSchema(
        {
            "id": pa.Column(pl.Int64),
            "place": pa.Column(checks=check(lambda it: it.struct.field("no") > 0)),
            "tags": pa.Column(checks=check(lambda it: it.list.len() > 0)),
        },
        name="homes",
    )
    rows = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "place": [{"no": 1}, {"no": 0}, {"no": 3}],
            "tags": [[{"a": 1}], [{"a": 2}], []],
        },
        schema_overrides={"tags": pl.List(pl.Struct({"a": pl.Int64}))},
    )
    settings = {"to": database, "table": "homes", "key": "id", "schema": schema}
    checked = propload.check(rows, **settings)
    assert (checked.problems, checked.rejected) == ((), 2)
    assert propload.ingest(rows, **settings).counts.rejected == 2
    stored = query(database, "SELECT id, place ->> 'no', tags::text FROM homes")
    assert stored == [(1, "1", '[{"a": 1}]')]
