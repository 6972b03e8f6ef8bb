"""If comparing with stored rows is unsafe or fails, all rows are sent."""

import secrets

import polars as pl
import pytest

from propload.postgres.sql import stored_rows
from propload.postgres.writing.stored import stored_rows as compared_rows
from tests.conftest import run_outside_transaction, with_database
from tests.integration.reading import read_table, run_sql, writes_of
from tests.integration.stored_rows.homes import (
    SIDE_EFFECTS,
    homes,
    load,
    load_named_homes,
)

pytestmark = pytest.mark.timeout(240)


def test_rows_with_few_columns_are_not_compared(database, were_compared, monkeypatch):
    frame = homes()
    monkeypatch.setattr(compared_rows, "LEAST_COLUMNS", frame.width + 1)
    load(database, frame)
    assert load(database, frame).unchanged == 3_000
    assert not were_compared()


def test_few_rows_are_not_compared_with_a_long_table(database, were_compared):
    frame = homes()
    load(database, frame)
    assert load(database, frame[:50]).unchanged == 50
    assert not were_compared()


@pytest.mark.parametrize("pg_type", ["jsonb", "time", "interval", "bigint[]"])
def test_types_that_cannot_be_hashed_here_are_not_compared(
    database, were_compared, pg_type
):
    value = {"jsonb": '{"a": 1}', "bigint[]": "{1}"}.get(pg_type, "10:00")
    run_sql(database, f"CREATE TABLE homes (k bigint PRIMARY KEY, v {pg_type})")
    rows = pl.DataFrame({"k": range(40), "v": [value] * 40})
    load(database, rows)
    assert load(database, rows).unchanged == 40
    assert not were_compared()


@pytest.mark.parametrize("side_effect", SIDE_EFFECTS)
def test_rows_are_not_compared_if_writing_one_may_change_others(
    database, were_compared, side_effect
):
    frame = load_named_homes(database)
    run_sql(database, *SIDE_EFFECTS[side_effect])
    load(database, frame)
    assert not were_compared()


@pytest.fixture
def latin_database(postgres_dsn):
    """Yield the DSN of a database whose texts are not stored in UTF-8."""
    name = f"latin_{secrets.token_hex(4)}"
    create = f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    run_outside_transaction(postgres_dsn, create)
    yield with_database(postgres_dsn, name)
    run_outside_transaction(postgres_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def test_texts_are_not_compared_if_the_database_is_not_in_utf8(
    latin_database, were_compared
):
    database = latin_database
    # its bytes in LATIN1 are those of the correct text in UTF-8
    spoiled = pl.DataFrame({"k": range(50), "v": "café".encode().decode("latin1")})
    load(database, spoiled)
    mended = spoiled.with_columns(v=pl.lit("café"))
    mixed = pl.concat([mended[:10], spoiled[10:]])
    assert load(database, mixed).updated == 10
    assert not were_compared()


def test_rows_that_a_trigger_may_change_are_not_compared(database, were_compared):
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
    assert not were_compared()


@pytest.mark.parametrize(
    "query_of_hashes",
    [
        "SELECT 1::int8 / 0, 1::int8",
        "SELECT k, 1 / (k - 50) FROM homes",
        "SELECT pg_terminate_backend(pg_backend_pid())::int::int8, 1::int8",
    ],
    ids=["fails", "fails_later", "loses_its_session"],
)
def test_all_rows_are_sent_if_the_hashes_cannot_be_read(
    database, were_compared, monkeypatch, query_of_hashes
):
    frame = homes(500)
    load(database, frame)
    with monkeypatch.context() as patched:
        patched.setattr(stored_rows, "read_hashes", lambda *_, **__: query_of_hashes)
        counts = load(database, frame.with_columns(price=pl.lit(5)), retry_seconds=60)
    assert not were_compared()
    assert counts.updated + counts.unchanged == 500
    assert read_table(database, "homes")["price"].unique().to_list() == [5]


def test_all_rows_are_sent_if_the_server_hashes_differently(
    database, were_compared, monkeypatch
):
    frame = homes(500)
    load(database, frame)
    before = writes_of(database, "homes")
    read = stored_rows.read_hashes
    monkeypatch.setattr(
        stored_rows,
        "read_hashes",
        lambda *arguments, seed, **part: read(*arguments, seed=seed ^ 1, **part),
    )
    assert load(database, frame).unchanged == 500
    assert were_compared()
    assert writes_of(database, "homes") == before
