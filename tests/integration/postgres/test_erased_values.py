"""A load says that a column without a value has erased stored ones."""

from contextlib import closing

import polars as pl
import pytest

import propload
from propload.errors import TransientWriteError
from tests.integration.postgres.ledger.appending import cut_the_answer
from tests.integration.postgres.writing import make_piece, prepared, target
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(180)

ROWS = pl.DataFrame(
    {"id": range(1, 501), "price": [None] * 500, "kind": ["house", None] * 250},
    schema_overrides={"price": pl.Int64},
)


@pytest.fixture
def told(database):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price numeric, kind text, at int)",
        """INSERT INTO homes
           SELECT n, CASE WHEN n > 100 THEN n END, 'flat', 5
           FROM generate_series(1, 400) AS n""",
    )
    return {"to": database, "table": "homes", "key": "id", "workers": 1}


def about_nulls(report):
    return [note for note in report.notes if "nulls have erased" in note]


def test_a_column_that_is_empty_by_mistake_is_told(told, database):
    (note,) = about_nulls(propload.ingest(ROWS, **told))
    # of the 400 stored rows 300 had a price; a column with values is not looked at
    assert note == (
        "nulls have erased at least 300 stored values of price in public.homes, as "
        "on_null is overwrite: where values were missing by mistake, load those rows "
        "again with their values, and rows without values with on_null = keep"
    )
    assert query(database, "SELECT count(price) FROM homes") == [(0,)]
    # there is nothing more to erase
    more = ROWS.with_columns(kind=pl.lit("villa"))
    assert about_nulls(propload.ingest(more, **told)) == []


def test_it_is_told_of_the_first_rows_alone(told):
    # lanes have their own first ones
    report = propload.ingest(ROWS, **told, batch_rows=200)
    (note,) = about_nulls(report)
    assert "at least 100 stored values of price" in note


@pytest.mark.parametrize(
    "settings",
    [
        {"on_null": "keep"},
        {"mode": "insert-new"},
        {"mode": "replace"},
        {"newest": "at", "rows": ROWS.with_columns(at=pl.lit(4))},
        # as few rows as these may have no price by chance
        {"rows": ROWS[150:160]},
        {"rows": ROWS.with_columns(id=pl.col("id") + 1000)},
        {"rows": ROWS[:100]},
    ],
)
def test_where_no_column_is_taken_nothing_is_told(told, settings):
    given = dict(settings)
    rows = given.pop("rows", ROWS)
    assert about_nulls(propload.ingest(rows, **told, **given)) == []


def test_bad_rows_beside_do_not_keep_it_from_being_told(told, database):
    run_sql(database, "ALTER TABLE homes ADD CHECK (kind <> 'cave')")
    bad = ROWS.with_columns(
        kind=pl.when(pl.col("id") == 7).then(pl.lit("cave")).otherwise("kind")
    )
    report = propload.ingest(bad, **told)
    assert report.counts.rejected == 1
    assert query(database, "SELECT count(price) FROM homes") == [(0,)]
    (note,) = about_nulls(report)
    # the refused row might have had a price
    assert "at least 299 stored values of price" in note


def test_what_a_commit_has_erased_whose_answer_was_lost_is_counted_once(
    database, state_dir
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "INSERT INTO t SELECT n, 'a' FROM generate_series(1, 200) AS n",
    )
    goal, given = target(), pl.DataFrame({"k": range(1, 201), "v": "b"})
    piece = make_piece(given.with_columns(v=pl.lit(None, pl.String)), key=goal.key)
    with (
        prepared(database, goal, given, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        cut_the_answer(writer, committed=True, passed=1)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        assert writer.write(piece).erased == {"v": 200}
        assert writer.write(make_piece(given, 1, key=goal.key)).erased == {}
