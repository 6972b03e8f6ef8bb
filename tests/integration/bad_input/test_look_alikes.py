"""No two columns are created whose names look the same."""

from __future__ import annotations

import json

import polars as pl
import pytest

import propload
from propload.errors import LoadError
from tests.integration.bad_input.homes import stored
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

COMPOSED, DECOMPOSED = "prijs_\u00e9", "prijs_e\u0301"
#: Functions that make a source of each kind from one row.
SOURCES = {
    "csv": lambda write, row: write(",".join(row) + "\n1,2\n"),
    "ndjson": lambda write, row: write(json.dumps(row) + "\n", "homes.ndjson"),
    "dicts": lambda _, row: [row],
    "polars": lambda _, row: pl.DataFrame([row]),
    "pandas": lambda _, row: pl.DataFrame([row]).to_pandas(),
    "arrow": lambda _, row: pl.DataFrame([row]).to_arrow(),
}
TABLE = f'CREATE TABLE homes (id int PRIMARY KEY, "{COMPOSED}" int)'
BOTH_ESCAPED = rf"{DECOMPOSED!a} and {COMPOSED!a}".replace("\\", r"\\")


@pytest.fixture(params=SOURCES)
def decomposed(request, write):
    return SOURCES[request.param](write, {"id": 1, DECOMPOSED: 2})


def test_column_that_looks_like_one_of_the_table_is_not_added(
    load, database, decomposed
):
    run_sql(database, TABLE)
    options = {"on_new_columns": "add"}
    checked = propload.check(
        decomposed, to=database, table="homes", key="id", **options
    )
    with pytest.raises(LoadError, match=f"{BOTH_ESCAPED}.*--mapping"):
        load(decomposed, **options)
    assert any("would look the same" in each for each in checked.problems)
    assert stored(database).columns == ["id", COMPOSED]


def test_ignored_column_that_looks_like_one_of_the_table_is_noted(
    load, database, decomposed
):
    run_sql(database, TABLE)
    options = {"on_new_columns": "ignore"}
    checked = propload.check(
        decomposed, to=database, table="homes", key="id", **options
    )
    notes = load(decomposed, **options).notes
    for found in (notes, checked.notes):
        assert [DECOMPOSED in each and f"{COMPOSED!a}" in each for each in found] == [
            True
        ]


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": 1, COMPOSED: 1, DECOMPOSED: 2}],
        [{"id": 1, COMPOSED: 1}, {DECOMPOSED: 2}],
    ],
)
def test_table_with_two_columns_that_look_the_same_is_not_created(load, database, rows):
    checked = propload.check(rows, to=database, table="homes", key="id")
    with pytest.raises(LoadError, match="would look the same"):
        load(rows)
    assert any("would look the same" in each for each in checked.problems)


def test_existing_table_with_two_such_columns_is_loaded(load, database):
    run_sql(database, TABLE, f'ALTER TABLE homes ADD COLUMN "{DECOMPOSED}" int')
    load([{"id": 1, COMPOSED: 1, DECOMPOSED: 2}], on_new_columns="add")
    assert stored(database).row(0) == (1, 1, 2)
