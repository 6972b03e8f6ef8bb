"""Two runs that create the same table at the same moment."""

import threading
from contextlib import contextmanager

import pytest

import propload
from propload.errors import PropLoadError
from propload.postgres.session.connection import connect
from propload.postgres.sql.tables import LOCK_NAME_QUERY
from tests.faults.server import wait_until
from tests.integration.reading import query, read_table

pytestmark = pytest.mark.timeout(60)

ROWS = [{"id": number, "area": number, "town": f"T{number}"} for number in range(50)]
WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@contextmanager
def held_back(database, outcome, source=ROWS, **settings):
    """Hold a run just before it creates what is missing, while the block runs.

    Yields:
        The session that holds the lock and so comes first.
    """

    def load():
        arguments = {"table": "homes", "key": "id", "progress": False, **settings}
        try:
            outcome.append(propload.ingest(source, to=database, **arguments))
        except PropLoadError as error:
            outcome.append(error)

    thread = threading.Thread(target=load)
    with connect(database) as first:
        first.rows(LOCK_NAME_QUERY, ("public.homes",))
        thread.start()
        wait_until(lambda: query(database, WAITING))
        yield first
        first.commit()
    thread.join(60)


@pytest.fixture
def outcome():
    return []


def test_columns_missing_from_a_concurrently_created_table_are_added(
    database, state_dir, outcome
):
    with held_back(database, outcome, on_new_columns="add") as first:
        first.execute("CREATE TABLE homes (id bigint PRIMARY KEY, area bigint)")
    [report] = outcome
    assert report.counts.inserted == 50
    assert read_table(database, "homes").sort("id").to_dicts() == ROWS


def test_concurrently_created_table_with_another_key_is_refused(
    database, state_dir, outcome
):
    with held_back(database, outcome, key="town") as first:
        first.execute(
            "CREATE TABLE homes (id bigint PRIMARY KEY, area bigint, town text)"
        )
    [error] = outcome
    assert "has no unique constraint on (town)" in str(error)
    assert read_table(database, "homes").is_empty()
