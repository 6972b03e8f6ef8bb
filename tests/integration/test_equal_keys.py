"""Which keys are equal and which age is newer is decided by the server's rules."""

import random

import polars as pl
import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
EQUAL_TEXTS = {
    "uuid": [UUID, UUID.upper(), "{" + UUID + "}", UUID.replace("-", "")],
    "character(6)": ["x", "x ", "x   "],
    "numeric": ["1", "1.0", "1.00", "01", "1e0"],
    "inet": ["10.0.0.1", "10.0.0.1/32"],
    "interval": ["1 day", "24 hours", "P1D"],
    "double precision": ["0.0", "-0.0", "0e5"],
    'text COLLATE "letters"': ["a", "A"],
}
LETTERS = (
    "CREATE COLLATION letters "
    "(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
)
#: Rows per batch and number of lanes: each row by itself, and all rows at once.
BATCHES_AND_LANES = [(1, 4), (1_000, 2)]
GENERATORS = [random.Random(seed) for seed in (3, 5)]  # noqa: S311 - no secret


def stored(database, columns):
    with connect(database) as session:
        return sorted(session.rows(f"SELECT {columns} FROM homes"))


@pytest.fixture(params=EQUAL_TEXTS)
def equal_keys(request, database, needs):
    """Create a table with a key of this type, and return texts of one same key."""
    if "letters" in request.param:
        needs.icu()
        run_sql(database, LETTERS)
    run_sql(database, f"CREATE TABLE homes (k {request.param} PRIMARY KEY, v bigint)")
    return EQUAL_TEXTS[request.param]


@pytest.mark.parametrize(("batch_rows", "workers"), BATCHES_AND_LANES)
def test_last_of_rows_with_equal_keys_wins(database, equal_keys, batch_rows, workers):
    rows = [{"k": text, "v": n} for n, text in enumerate(equal_keys * 3)]
    report = propload.ingest(
        rows, to=database, table="homes", batch_rows=batch_rows, workers=workers
    )
    assert stored(database, "v") == [(len(rows) - 1,)]
    assert report.counts.inserted == 1
    assert report.counts.rejected == 0


def test_report_says_why_all_rows_take_one_lane(database):
    run_sql(database, "CREATE TABLE homes (k uuid PRIMARY KEY, v bigint)")
    report = propload.ingest([{"k": UUID, "v": 1}], to=database, table="homes")
    assert any("values of k are equal" in note for note in report.notes)


def test_rows_that_refer_to_each_other_are_all_loaded(database):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, part_of bigint REFERENCES homes, "
        "place bigint UNIQUE DEFERRABLE)",
    )
    rows = [{"k": n, "part_of": n // 2 or None, "place": n} for n in range(1, 400)]
    settings = {"to": database, "table": "homes", "workers": 4}
    assert propload.ingest(rows, batch_rows=100, **settings).counts.inserted == 399
    swapped = [{"k": n, "place": 400 - n} for n in range(1, 400)]
    assert propload.ingest(swapped, **settings).counts.rejected == 0
    assert stored(database, "k, place") == [(n, 400 - n) for n in range(1, 400)]


AGES = {
    "numeric": (["9", "10", "9.5", "100"], "100"),
    "interval": (["9 days", "10 days", "1 month"], "1 month"),
    "size": (["small", "large", "medium"], "large"),
    "inet": (["10.0.0.9", "10.0.0.10"], "10.0.0.10"),
    "jsonb": (["9", "10"], "10"),
}


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("on_null", ["overwrite", "keep"])
@pytest.mark.parametrize(("batch_rows", "workers"), BATCHES_AND_LANES)
def test_newest_row_by_the_servers_order_wins(
    database, age, on_null, batch_rows, workers
):
    texts, newest = AGES[age]
    run_sql(
        database,
        "CREATE TYPE size AS ENUM ('small', 'medium', 'large')",
        f"CREATE TABLE homes (k bigint PRIMARY KEY, age {age}, v text)",
    )
    rows = [{"k": 1, "age": text, "v": text} for text in texts * 2]
    GENERATORS[0].shuffle(rows)
    propload.ingest(
        rows,
        to=database,
        table="homes",
        newest="age",
        on_null=on_null,
        batch_rows=batch_rows,
        workers=workers,
    )
    assert stored(database, "v") == [(newest,)]


@pytest.mark.parametrize(("batch_rows", "workers"), BATCHES_AND_LANES)
def test_rows_of_equal_age_leave_the_same_values_in_any_batches(
    database, batch_rows, workers
):
    schema = {"k": pl.Int64, "age": pl.Int64, "a": pl.Int64, "b": pl.Float64}
    rows = [(1, 5, 9, 1.5), (1, 5, 10, None), (1, 5, None, 9.0), (1, 5, 8, 10.0)]
    GENERATORS[1].shuffle(rows)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, age bigint, a bigint, b float8)",
    )
    propload.ingest(
        frame,
        to=database,
        table="homes",
        newest="age",
        on_null="keep",
        batch_rows=batch_rows,
        workers=workers,
    )
    # of each column the greatest value, compared as text
    assert stored(database, "k, age, a, b") == [(1, 5, 9, 9.0)]


@pytest.mark.parametrize(("batch_rows", "workers"), BATCHES_AND_LANES)
def test_insert_new_keeps_the_first_row_and_append_every_row(
    database, batch_rows, workers
):
    rows = [{"k": n % 5, "v": n} for n in range(20)]
    settings = {"to": database, "batch_rows": batch_rows, "workers": workers}
    settings |= {"table": "homes", "key": "k", "newest": "v"}
    propload.ingest(rows, mode="insert-new", **settings)
    assert stored(database, "k, v") == [(n, n) for n in range(5)]
    run_sql(database, "ALTER TABLE homes DROP CONSTRAINT homes_pkey")
    report = propload.ingest(rows, mode="append", **settings)
    assert (report.counts.inserted, report.counts.duplicates) == (20, 0)


@pytest.mark.parametrize(
    ("pg_type", "good"),
    [
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a{:02d}"),
        ("inet", "10.0.0.{}"),
        ("interval", "{} days"),
        ("int4range", "[1,{})"),
        ("money", "{}.00"),
    ],
)
def test_key_that_cannot_be_cast_costs_only_its_row(database, pg_type, good):
    run_sql(database, f"CREATE TABLE homes (k {pg_type} PRIMARY KEY, v bigint)")
    keys = [good.format(n) for n in range(10, 20)]
    keys[7] = "no such thing"
    rows = [{"k": key, "v": n} for n, key in enumerate(keys)]
    report = propload.ingest(rows, to=database, table="homes")
    assert (report.counts.inserted, report.counts.rejected) == (9, 1)
    again = propload.ingest(rows, to=database, table="homes")
    assert (again.counts.unchanged, again.counts.rejected) == (9, 1)
