"""Where a comparison would not be safe, or fails, all rows are sent."""

import secrets

import polars as pl
import pytest

from propload.postgres.sql import stored_rows
from propload.postgres.writing.stored import stored_rows as compared_rows
from tests.conftest import run_outside_transaction, with_database
from tests.integration.reading import read_table, run_sql, writes_of
from tests.integration.stored_rows.homes import REACHING, homes, load, named_homes

pytestmark = pytest.mark.timeout(240)


def test_rows_of_few_columns_are_looked_up(database, compared, monkeypatch):
    frame = homes()
    monkeypatch.setattr(compared_rows, "LEAST_COLUMNS", frame.width + 1)
    load(database, frame)
    assert load(database, frame).unchanged == 3_000
    assert not compared()


def test_of_a_long_table_rows_are_looked_up(database, compared):
    frame = homes()
    load(database, frame)
    assert load(database, frame[:50]).unchanged == 50
    assert not compared()


@pytest.mark.parametrize("kind", ["jsonb", "time", "interval", "bigint[]"])
def test_values_that_do_not_compare_here_are_looked_up(database, compared, kind):
    value = {"jsonb": '{"a": 1}', "bigint[]": "{1}"}.get(kind, "10:00")
    run_sql(database, f"CREATE TABLE homes (k bigint PRIMARY KEY, v {kind})")
    rows = pl.DataFrame({"k": range(40), "v": [value] * 40})
    load(database, rows)
    assert load(database, rows).unchanged == 40
    assert not compared()


@pytest.mark.parametrize("what", REACHING)
def test_where_a_row_may_change_others_all_are_sent(database, compared, what):
    frame = named_homes(database)
    run_sql(database, *REACHING[what])
    load(database, frame)
    assert not compared()


@pytest.fixture
def latin_database(postgres_dsn):
    """A database whose texts are not stored in UTF-8."""
    name = f"latin_{secrets.token_hex(4)}"
    encoded = f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    run_outside_transaction(postgres_dsn, encoded)
    yield with_database(postgres_dsn, name)
    run_outside_transaction(postgres_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def test_texts_of_another_encoding_are_looked_up(latin_database, compared):
    database = latin_database
    # its bytes there are those of the right text here
    spoiled = pl.DataFrame({"k": range(50), "v": "café".encode().decode("latin1")})
    load(database, spoiled)
    mended = spoiled.with_columns(v=pl.lit("café"))
    mixed = pl.concat([mended[:10], spoiled[10:]])
    assert load(database, mixed).updated == 10
    assert not compared()


def test_rows_that_may_not_be_seen_are_not_taken_for_new(database, compared):
    frame = homes(500)
    load(database, frame)
    run_sql(
        database,
        "ALTER TABLE homes ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE homes FORCE ROW LEVEL SECURITY",
        "CREATE POLICY most ON homes USING (k < 400) WITH CHECK (true)",
    )
    assert load(database, frame[:400]).unchanged == 400


def test_what_a_trigger_may_change_is_sent(database, compared):
    frame = homes(500)
    load(database, frame)
    run_sql(
        database,
        "CREATE FUNCTION raise_price() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.price := NEW.price + 1; RETURN NEW; END'",
        "CREATE TRIGGER raising BEFORE INSERT OR UPDATE ON homes "
        "FOR EACH ROW EXECUTE FUNCTION raise_price()",
    )
    load(database, frame)
    assert not compared()


@pytest.mark.parametrize(
    "query_of_hashes",
    [
        "SELECT 1::int8 / 0, 1::int8",
        "SELECT k, 1 / (k - 50) FROM homes",
        "SELECT pg_terminate_backend(pg_backend_pid())::int::int8, 1::int8",
    ],
    ids=["fails", "fails_later", "loses_its_session"],
)
def test_where_the_table_cannot_be_read_all_rows_are_sent(
    database, compared, monkeypatch, query_of_hashes
):
    frame = homes(500)
    load(database, frame)
    with monkeypatch.context() as patched:
        patched.setattr(stored_rows, "read_hashes", lambda *_, **__: query_of_hashes)
        counts = load(database, frame.with_columns(price=pl.lit(5)), retry_seconds=60)
    assert not compared()
    assert counts.updated + counts.unchanged == 500
    assert read_table(database, "homes")["price"].unique().to_list() == [5]


def test_a_server_that_hashes_otherwise_is_told_all(database, compared, monkeypatch):
    frame = homes(500)
    load(database, frame)
    before = writes_of(database, "homes")
    read = stored_rows.read_hashes
    monkeypatch.setattr(
        stored_rows,
        "read_hashes",
        lambda *told, seed, **part: read(*told, seed=seed ^ 1, **part),
    )
    assert load(database, frame).unchanged == 500
    assert compared()
    assert writes_of(database, "homes") == before
