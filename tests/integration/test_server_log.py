"""What an administrator finds in the server's log after successful loads."""

import re

import pytest

import propload
from propload.postgres.session.dsn import with_option
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(120)

#: Where the tests' servers log: beside their data.
LOG = "current_setting('data_directory') || '/../server.log'"
#: The default of servers; those of the tests log next to nothing.
DEFAULT_LOGGING = "-c log_min_messages=warning"
ENTRY = re.compile(r"\b(?:WARNING|ERROR|FATAL|PANIC): .*")
ROWS = [{"id": number, "price": number * 10} for number in range(300)]
CHANGED = [row | {"price": 7} for row in ROWS[:50]]


@pytest.fixture
def log(database):
    """Return a function that gives what the server has logged since the test began."""
    [(end,)] = query(database, f"SELECT size FROM pg_stat_file({LOG}, true)")
    if end is None:
        pytest.skip("the server's log is not beside its data")
    # there are no lines of others: the tests use the server in turn
    since = f"SELECT pg_read_binary_file({LOG}, {end}, {1 << 20})"
    return lambda: ENTRY.findall(query(database, since)[0][0].decode())


@pytest.fixture
def settings(database):
    return {"to": with_option(database, DEFAULT_LOGGING), "table": "homes", "key": "id"}


def test_successful_loads_log_nothing(log, settings):
    propload.ingest(ROWS, **settings, batch_rows=100)
    propload.ingest(ROWS + CHANGED, **settings, batch_rows=100)
    propload.check(CHANGED, **settings)
    propload.ingest(ROWS, **settings, mode="replace")
    propload.ingest(CHANGED, to=settings["to"], table="homes_log", mode="append")
    assert log() == []


def test_rejected_row_logs_only_its_own_error(database, log, settings):
    create = "CREATE TABLE homes (id int PRIMARY KEY, price int CHECK (price < 9))"
    run_sql(database, create)
    assert propload.ingest(ROWS[:2], **settings).counts.rejected == 1
    [entry] = log()
    assert "homes_price_check" in entry
