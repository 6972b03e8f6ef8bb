"""A load reports that nulls in a column have erased stored values."""

from contextlib import closing

import polars as pl
import pytest

import propload
from propload.errors import TransientWriteError
from tests.integration.postgres.ledger.appending import break_commit
from tests.integration.postgres.writing import make_piece, prepared, target_with
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(180)

ROWS = pl.DataFrame(
    {"id": range(1, 501), "price": [None] * 500, "kind": ["house", None] * 250},
    schema_overrides={"price": pl.Int64},
)


@pytest.fixture
def arguments(database):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price numeric, kind text, at int)",
        """INSERT INTO homes
           SELECT n, CASE WHEN n > 100 THEN n END, 'flat', 5
           FROM generate_series(1, 400) AS n""",
    )
    return {"to": database, "table": "homes", "key": "id", "workers": 1}


def erasure_notes(report):
    return [note for note in report.notes if "nulls have erased" in note]


def test_note_counts_the_values_erased_by_an_empty_column(arguments, database):
    (note,) = erasure_notes(propload.ingest(ROWS, **arguments))
    # of the 400 stored rows 300 had a price; columns with some values are not examined
    assert note == (
        "nulls have erased at least 300 stored values of price in public.homes, as "
        "on_null is overwrite: where values were missing by mistake, load those rows "
        "again with their values, and rows without values with on_null = keep"
    )
    assert query(database, "SELECT count(price) FROM homes") == [(0,)]
    # there is nothing more to erase
    more = ROWS.with_columns(kind=pl.lit("villa"))
    assert erasure_notes(propload.ingest(more, **arguments)) == []


def test_only_the_first_rows_are_examined_for_erased_values(arguments):
    # each lane examines its own first rows
    report = propload.ingest(ROWS, **arguments, batch_rows=200)
    (note,) = erasure_notes(report)
    assert "at least 100 stored values of price" in note


@pytest.mark.parametrize(
    "settings",
    [
        {"on_null": "keep"},
        {"mode": "insert-new"},
        {"mode": "replace"},
        {"newest": "at", "rows": ROWS.with_columns(at=pl.lit(4))},
        # ten rows may lack a price by chance
        {"rows": ROWS[150:160]},
        {"rows": ROWS.with_columns(id=pl.col("id") + 1000)},
        {"rows": ROWS[:100]},
    ],
)
def test_no_note_for_loads_that_erase_no_values_or_only_few(arguments, settings):
    options = dict(settings)
    rows = options.pop("rows", ROWS)
    assert erasure_notes(propload.ingest(rows, **arguments, **options)) == []


def test_erased_values_are_reported_despite_rejected_rows(arguments, database):
    run_sql(database, "ALTER TABLE homes ADD CHECK (kind <> 'cave')")
    bad = ROWS.with_columns(
        kind=pl.when(pl.col("id") == 7).then(pl.lit("cave")).otherwise("kind")
    )
    report = propload.ingest(bad, **arguments)
    assert report.counts.rejected == 1
    assert query(database, "SELECT count(price) FROM homes") == [(0,)]
    (note,) = erasure_notes(report)
    # the refused row might have had a price
    assert "at least 299 stored values of price" in note


def test_values_erased_by_a_commit_with_lost_answer_count_once(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "INSERT INTO t SELECT n, 'a' FROM generate_series(1, 200) AS n",
    )
    target, rows = target_with(), pl.DataFrame({"k": range(1, 201), "v": "b"})
    piece = make_piece(rows.with_columns(v=pl.lit(None, pl.String)), key=target.key)
    with (
        prepared(database, target, rows, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        break_commit(writer, committed=True, commits_before=1)
        with pytest.raises(TransientWriteError):
            writer.write(piece)
        assert writer.write(piece).erased == {"v": 200}
        assert writer.write(make_piece(rows, 1, key=target.key)).erased == {}
