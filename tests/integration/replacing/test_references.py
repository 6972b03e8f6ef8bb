"""A replace of a table that references another one, which others read meanwhile."""

import pytest

import propload
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import with_option
from tests.integration.reading import query, run_sql
from tests.integration.replacing.homes import rows, shadows, stored

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def referencing(replace_settings, database):
    """Let the table reference another; return the settings that replace its rows."""
    run_sql(
        database,
        "CREATE TABLE days (day bigint PRIMARY KEY)",
        "INSERT INTO days VALUES (0), (1), (2)",
        "ALTER TABLE homes ADD FOREIGN KEY (day) REFERENCES days",
    )
    # if it waits for a reader, the run fails instead of waiting forever
    waiting = with_option(database, "-c lock_timeout=500ms")
    return {**replace_settings, "to": waiting, "retry_attempts": 1}


def test_replace_does_not_wait_for_readers_of_a_referenced_table(referencing, database):
    with connect(database) as reader:
        reader.rows("SELECT day FROM days")
        assert propload.ingest(rows(1), **referencing).status == "loaded"
        assert {day for _, day in stored(database)} == {1}
        [(left,)] = shadows(database)
        assert query(database, f"SELECT FROM propload.{left}") == []
    # the next replace drops the shadow that had to stay
    propload.ingest(rows(2), **referencing)
    assert {day for _, day in stored(database)} == {2}
    assert shadows(database) == []
