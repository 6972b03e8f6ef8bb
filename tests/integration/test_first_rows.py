"""A table is created only once the first rows are known to fit their schema."""

import logging

import pandas as pd
import pandera.polars as pa
import polars as pl
import pytest

import propload
from propload.errors import LoadError
from propload.postgres.session.connection import connect
from tests.integration.reading import query, read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

LOAD = {"table": "x", "key": "id", "progress": False}


class Home(pa.DataFrameModel):
    id: int
    price: int


class Strict(Home):
    class Config:
        strict = True


class Whole(Home):
    @pa.dataframe_check
    @classmethod
    def dear(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("price").mean() > 100)


@pytest.mark.parametrize(
    ("schema", "bad_row"),
    [
        (Home, {"id": 1, "asking": 5}),
        (Home, {"id": 1, "price": b"5"}),
        (Strict, {"id": 1, "price": 5, "asking": 5}),
        (Whole, {"id": 1, "price": 5}),
    ],
)
def test_failed_first_load_leaves_no_table(database, state_dir, schema, bad_row):
    with pytest.raises(LoadError):
        propload.ingest(
            [bad_row, {**bad_row, "id": 2}], to=database, schema=schema, **LOAD
        )
    assert query(database, "SELECT to_regclass('x') IS NULL") == [(True,)]
    rows = [{"id": n, "price": 500} for n in range(3)]
    report = propload.ingest(rows, to=database, schema=Home, **LOAD)
    assert report.counts.inserted == 3
    assert read_table(database, "x").columns == ["id", "price"]


def test_run_retries_while_its_table_is_locked_at_the_start(database):
    run_sql(database, "CREATE TABLE x (id bigint PRIMARY KEY, price bigint)")
    messages = []
    with connect(database) as altering:
        altering.execute("LOCK TABLE x IN ACCESS EXCLUSIVE MODE")

        def release_lock(record):
            messages.append(record.getMessage())
            altering.rollback()
            return True

        log = logging.getLogger("propload.retrying")
        log.addFilter(release_lock)
        try:
            impatient = f"{database}&options=-c%20lock_timeout%3D100"
            report = propload.ingest([{"id": 1, "price": 5}], to=impatient, **LOAD)
        finally:
            log.removeFilter(release_lock)
    assert messages[0].startswith("the look at public.x: attempt 1 failed")
    assert report.counts.inserted == 1


@pytest.mark.parametrize("values", [[0.5, 0.25, 1 / 700_000], [1 / 700_000, 1e-05]])
def test_small_numbers_in_scientific_notation_are_numbers(
    database, state_dir, tmp_path, values
):
    path = tmp_path / "x.csv"
    pd.DataFrame({"id": range(len(values)), "v": values}).to_csv(path, index=False)
    assert "e-0" in path.read_text(encoding="utf-8")
    report = propload.ingest(path, to=database, batch_rows=1, workers=1, **LOAD)
    assert report.counts.inserted == len(values)
    assert read_table(database, "x").sort("id")["v"].to_list() == values
