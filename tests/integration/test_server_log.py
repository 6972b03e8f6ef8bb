"""What an administrator finds in the server's log after loads that went well."""

import re

import pytest

import propload
from propload.postgres.session.dsn import with_option
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(120)

#: Where the servers of the tests log: beside their data.
LOG = "current_setting('data_directory') || '/../server.log'"
#: As servers are set by default; those of the tests say next to nothing.
USUAL = "-c log_min_messages=warning"
SAID = re.compile(r"\b(?:WARNING|ERROR|FATAL|PANIC): .*")
ROWS = [{"id": number, "price": number * 10} for number in range(300)]
CHANGED = [row | {"price": 7} for row in ROWS[:50]]


@pytest.fixture
def log(database):
    """Return what the server has said since the test began."""
    [(end,)] = query(database, f"SELECT size FROM pg_stat_file({LOG}, true)")
    if end is None:
        pytest.skip("the server's log is not beside its data")
    # nobody else's lines come between: tests have the server in turn
    since = f"SELECT pg_read_binary_file({LOG}, {end}, {1 << 20})"
    return lambda: SAID.findall(query(database, since)[0][0].decode())


@pytest.fixture
def told(database):
    return {"to": with_option(database, USUAL), "table": "homes", "key": "id"}


def test_loads_that_go_well_leave_nothing(log, told):
    propload.ingest(ROWS, **told, batch_rows=100)
    propload.ingest(ROWS + CHANGED, **told, batch_rows=100)
    propload.check(CHANGED, **told)
    propload.ingest(ROWS, **told, mode="replace")
    propload.ingest(CHANGED, to=told["to"], table="homes_log", mode="append")
    assert log() == []


def test_a_refused_row_leaves_its_error_alone(database, log, told):
    made = "CREATE TABLE homes (id int PRIMARY KEY, price int CHECK (price < 9))"
    run_sql(database, made)
    assert propload.ingest(ROWS[:2], **told).counts.rejected == 1
    [said] = log()
    assert "homes_price_check" in said
