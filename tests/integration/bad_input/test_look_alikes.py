"""Two names that look the same are not made two columns that nobody tells apart."""

from __future__ import annotations

import json

import polars as pl
import pytest

import propload
from propload.errors import LoadError
from tests.integration.bad_input.homes import stored
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

COMPOSED, APART = "prijs_\u00e9", "prijs_e\u0301"
#: A row with the name in one way or the other, of a source of each kind.
KINDS = {
    "csv": lambda write, row: write(",".join(row) + "\n1,2\n"),
    "ndjson": lambda write, row: write(json.dumps(row) + "\n", "homes.ndjson"),
    "dicts": lambda _, row: [row],
    "polars": lambda _, row: pl.DataFrame([row]),
    "pandas": lambda _, row: pl.DataFrame([row]).to_pandas(),
    "arrow": lambda _, row: pl.DataFrame([row]).to_arrow(),
}
TABLE = f'CREATE TABLE homes (id int PRIMARY KEY, "{COMPOSED}" int)'
WRITTEN = rf"{APART!a} and {COMPOSED!a}".replace("\\", r"\\")


@pytest.fixture(params=KINDS)
def apart(request, write):
    return KINDS[request.param](write, {"id": 1, APART: 2})


def test_a_column_that_looks_like_one_of_the_table_is_not_added(load, database, apart):
    run_sql(database, TABLE)
    told = {"on_new_columns": "add"}
    said = propload.check(apart, to=database, table="homes", key="id", **told)
    with pytest.raises(LoadError, match=f"{WRITTEN}.*--mapping"):
        load(apart, **told)
    assert any("would look the same" in each for each in said.problems)
    assert stored(database).columns == ["id", COMPOSED]


def test_a_column_that_is_left_out_in_spite_of_its_looks_is_told(load, database, apart):
    run_sql(database, TABLE)
    told = {"on_new_columns": "ignore"}
    said = propload.check(apart, to=database, table="homes", key="id", **told)
    notes = load(apart, **told).notes
    for found in (notes, said.notes):
        assert [APART in each and f"{COMPOSED!a}" in each for each in found] == [True]


@pytest.mark.parametrize(
    "rows", [[{"id": 1, COMPOSED: 1, APART: 2}], [{"id": 1, COMPOSED: 1}, {APART: 2}]]
)
def test_no_table_is_made_with_two_columns_that_look_the_same(load, database, rows):
    said = propload.check(rows, to=database, table="homes", key="id")
    with pytest.raises(LoadError, match="would look the same"):
        load(rows)
    assert any("would look the same" in each for each in said.problems)


def test_a_table_that_has_two_such_columns_takes_both(load, database):
    run_sql(database, TABLE, f'ALTER TABLE homes ADD COLUMN "{APART}" int')
    load([{"id": 1, COMPOSED: 1, APART: 2}], on_new_columns="add")
    assert stored(database).row(0) == (1, 1, 2)
