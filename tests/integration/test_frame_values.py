"""Values that data frames can hold, but Arrow or the table cannot."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

LONG = 10**38


def load(dsn, rows, **settings):
    return propload.ingest(
        rows, to=dsn, table="rows", key="id", progress=False, **settings
    )


def check(dsn, rows, **settings):
    return propload.check(
        rows, to=dsn, table="rows", key="id", progress=False, **settings
    )


def make_table(dsn, pg_type):
    run_sql(dsn, f"CREATE TABLE rows (id int PRIMARY KEY, v {pg_type})")


def stored(dsn):
    with connect(dsn) as session:
        return dict(session.rows("SELECT id, v::text FROM rows ORDER BY id"))


def frame_of(values, dtype):
    return pl.DataFrame({"id": range(len(values)), "v": pl.Series(values, dtype=dtype)})


@pytest.mark.parametrize("pg_type", [None, "numeric", "numeric(39,0)", "text"])
@pytest.mark.parametrize("batch_rows", [1, 10])
def test_integers_of_39_digits_are_loaded(database, pg_type, batch_rows):
    if pg_type:
        make_table(database, pg_type)
    frame = frame_of([5, -LONG, None, LONG], pl.Int128)
    report = load(database, frame, batch_rows=batch_rows)
    assert report.counts.inserted == 4
    assert stored(database) == {0: "5", 1: str(-LONG), 2: None, 3: str(LONG)}


@pytest.mark.parametrize("pg_type", ["bigint", "numeric(38,0)", "double precision"])
def test_integer_too_long_for_its_column_costs_only_its_row(database, pg_type):
    make_table(database, pg_type)
    frame = frame_of([5, LONG + 1, None], pl.Int128)
    assert check(database, frame).rejected == 1
    report = load(database, frame)
    assert (report.counts.inserted, report.counts.rejected) == (2, 1)
    [rejected] = propload.rejects(report.run_id)["v"]
    assert rejected == str(LONG + 1)
    assert stored(database) == {0: "5", 2: None}


@pytest.mark.parametrize(
    ("dtype", "short", "long", "texts"),
    [
        (pl.List(pl.Int128), [5], [LONG], {0: "{5}", 1: "{" + str(LONG) + "}"}),
        (
            pl.Struct({"a": pl.UInt128}),
            {"a": 5},
            {"a": LONG},
            {0: '{"a": 5}', 1: f'{{"a": {LONG}}}'},
        ),
    ],
)
def test_integers_of_39_digits_are_loaded_in_lists_and_structs(
    database, dtype, short, long, texts
):
    for values in ([short], [short, long]):
        assert load(database, frame_of(values, dtype)).counts.rejected == 0
    assert stored(database) == texts


@pytest.mark.parametrize("batch_rows", [1, 10])
@pytest.mark.parametrize("form", [pd.Series, pl.Series])
def test_object_that_is_no_value_costs_only_its_row(database, form, batch_rows):
    make_table(database, "text")
    values = ["a", object(), 2.5, "\ud800", None]
    dtype, library = (object, pd) if form is pd.Series else (pl.Object, pl)
    frame = library.DataFrame({"id": range(5), "v": form(values, dtype=dtype)})
    checked = check(database, frame)
    report = load(database, frame, batch_rows=batch_rows)
    assert checked.expected == report.counts
    assert report.counts.rejected == 2
    assert stored(database) == {0: "a", 2: "2.5", 4: None}
    assert report.rejects["propload_row"].sort().to_list() == [2, 4]


@pytest.mark.parametrize("closed", ["left", "right"])
@pytest.mark.parametrize("in_categories", [False, True])
def test_pandas_intervals_keep_their_closed_side(database, closed, in_categories):
    make_table(database, "numrange")
    bins = pd.arrays.IntervalArray.from_tuples([(0.5, 2), (2, 4)], closed=closed)
    values = pd.Series([bins[0], None, bins[1]], dtype=bins.dtype)
    if in_categories:
        # as pd.cut makes them
        values = values.astype("category")
    assert (
        load(database, pd.DataFrame({"id": range(3), "v": values})).counts.stored == 3
    )
    begin, end = "[)" if closed == "left" else "(]"
    texts = {0: f"{begin}0.5,2.0{end}", 1: None, 2: f"{begin}2.0,4.0{end}"}
    assert stored(database) == texts
    # given one by one, they are the same
    rows = [{"id": n, "v": one} for n, one in zip((0, 2), bins, strict=True)]
    assert load(database, rows).counts.unchanged == 2
