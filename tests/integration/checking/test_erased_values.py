"""A check counts the stored values that nulls would erase, column by column."""

import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(180)

HOMES = (
    "CREATE TABLE homes (id int PRIMARY KEY, price numeric, kind text, at int)",
    """INSERT INTO homes
       SELECT n, CASE WHEN n > 100 THEN n END, 'house', 5
       FROM generate_series(1, 300) AS n""",
)
#: 50 of the stored rows have no price, 150 have one, and 20 rows are new.
ROWS = [
    {"id": n, "price": None, "kind": "villa" if n % 2 else None, "at": 6}
    for n in range(51, 321)
]
ERASED = {"price": 200, "kind": 125}


@pytest.fixture
def target(database):
    run_sql(database, *HOMES)
    return {"to": database, "table": "homes", "key": "id"}


def stored_values(database):
    (counts,) = query(database, "SELECT count(price), count(kind) FROM homes")
    return dict(zip(ERASED, counts, strict=True))


def notes_on_nulls(report):
    return [note for note in report.notes if "nulls would erase" in note]


def test_stored_values_that_nulls_would_erase_are_counted_by_column(target, database):
    before = stored_values(database)
    notes = notes_on_nulls(propload.check(ROWS, **target))
    (note,) = notes
    assert note == (
        "nulls would erase what public.homes holds, as on_null is overwrite: 200 "
        "values of price, 125 of kind. If that is not intended, leave the columns "
        "out, or load with on_null = keep"
    )
    propload.ingest(ROWS, **target)
    after = stored_values(database)
    # half of the new rows have a kind
    assert {name: before[name] - after[name] for name in ERASED} == {
        "price": ERASED["price"],
        "kind": ERASED["kind"] - 10,
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"on_null": "keep"},
        {"mode": "insert-new"},
        {"mode": "replace"},
        # all of them are older than what is stored
        {"newest": "at", "rows": [{**row, "at": 4} for row in ROWS]},
        # none of them is stored
        {"rows": [{**row, "id": row["id"] + 1000} for row in ROWS]},
        # their stored prices are null already
        {"rows": [row | {"kind": "house"} for row in ROWS if row["id"] <= 100]},
    ],
)
def test_no_note_if_no_stored_value_would_be_erased(target, settings):
    options = dict(settings)
    rows = options.pop("rows", ROWS)
    assert notes_on_nulls(propload.check(rows, **target, **options)) == []


def test_count_is_an_upper_bound_if_rows_repeat_a_key(target, monkeypatch):
    monkeypatch.setattr("propload.checking.check.CHECKED_ROWS", 1)
    rows = [{"id": 200, "kind": None}, {"id": 200, "kind": None}]
    (note,) = notes_on_nulls(propload.check(iter(rows), **target, batch_rows=1))
    assert "up to 2 values of kind" in note


def test_only_the_first_of_many_columns_are_named(target, database):
    names = [f"c{n:02}" for n in range(15)]
    run_sql(
        database,
        *(f"ALTER TABLE homes ADD {name} int DEFAULT 1" for name in names),
    )
    rows = [{"id": 1, **dict.fromkeys(names)}]
    (note,) = notes_on_nulls(propload.check(rows, **target))
    assert "1 value of c00, 1 of c01" in note
    assert "c09" in note
    assert "c10" not in note
    assert "and 5 columns more" in note


def test_erased_values_of_partitioned_tables_are_counted(database):
    run_sql(
        database,
        "CREATE TABLE homes (id int PRIMARY KEY, price int) PARTITION BY RANGE (id)",
        "CREATE TABLE a PARTITION OF homes FOR VALUES FROM (0) TO (2)",
        "CREATE TABLE b PARTITION OF homes FOR VALUES FROM (2) TO (9)",
        "INSERT INTO homes VALUES (1, 1), (2, 2), (3, NULL)",
    )
    rows = [{"id": n, "price": None} for n in (1, 2, 3, 4)]
    (note,) = notes_on_nulls(propload.check(rows, to=database, table="homes"))
    assert "2 values of price" in note
