"""A replace of a table that refers to another one, which others read meanwhile."""

import pytest

import propload
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import with_option
from tests.integration.reading import query, run_sql
from tests.integration.replacing.homes import rows, shadows, stored

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def referring(goal, database):
    """Let the table refer to another. Value: the settings that replace its rows."""
    run_sql(
        database,
        "CREATE TABLE days (day bigint PRIMARY KEY)",
        "INSERT INTO days VALUES (0), (1), (2)",
        "ALTER TABLE homes ADD FOREIGN KEY (day) REFERENCES days",
    )
    # where it waits for a reader, the run fails instead of waiting for ever
    waiting = with_option(database, "-c lock_timeout=500ms")
    return {**goal, "to": waiting, "retry_attempts": 1}


def test_a_replace_does_not_wait_for_readers_of_what_its_table_refers_to(
    referring, database
):
    with connect(database) as reader:
        reader.rows("SELECT day FROM days")
        assert propload.ingest(rows(1), **referring).status == "loaded"
        assert {day for _, day in stored(database)} == {1}
        [(left,)] = shadows(database)
        assert query(database, f"SELECT FROM propload.{left}") == []
    # what had to stay goes with the next one
    propload.ingest(rows(2), **referring)
    assert {day for _, day in stored(database)} == {2}
    assert shadows(database) == []
