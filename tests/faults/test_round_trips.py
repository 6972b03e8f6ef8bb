"""How often a load waits for an answer, which matters if the server is far away."""

from __future__ import annotations

import polars as pl
import pytest

import propload
from propload.postgres.session.connection import connect
from propload.postgres.tables import catalog
from propload.target import TableName
from tests.faults.proxy import Proxy
from tests.integration.reading import read_table

pytestmark = pytest.mark.timeout(60)

#: Round trips in which the driver reads the server's types, in a connection of its own
#: before any other: two to begin, and five queries.
DRIVER_TRIPS = 7
#: Round trips that begin any session: encryption, the user, settings.
SESSION_TRIPS = 3
TABLE = TableName("public", "homes")


@pytest.fixture
def proxy(server):
    with Proxy(server) as one:
        yield one


@pytest.fixture
def session(proxy, dsn):
    with connect(proxy.dsn_of(dsn)) as one:
        yield one


@pytest.fixture
def trips_of(proxy):
    """Return a function that counts the round trips of another one."""

    def count(function):
        before = proxy.trips
        function()
        return proxy.trips - before

    return count


def test_session_opens_with_the_fewest_round_trips(proxy, session, trips_of):
    assert proxy.trips == DRIVER_TRIPS + SESSION_TRIPS
    assert trips_of(lambda: session.clone().close()) == SESSION_TRIPS


def test_statement_takes_one_round_trip_with_or_without_values(session, trips_of):
    sql = "SELECT $1::text, $2::int8, $3::text[]"
    values = ("it's", 5, ["a", None])
    assert trips_of(lambda: session.ask(sql, values)) == 1
    assert trips_of(session.commit) == trips_of(session.rollback) == 0
    several = "CREATE TEMPORARY TABLE t (a int); INSERT INTO t VALUES (1), (2)"
    # BEGIN is sent along
    assert trips_of(lambda: session.execute(several)) == 1
    assert trips_of(lambda: session.rows("SELECT a FROM t")) == 1
    assert trips_of(lambda: session.execute("UPDATE t SET a = $1", (3,))) == 1
    assert trips_of(session.commit) == 1


def test_copy_takes_four_round_trips_besides_its_transaction(session, trips_of):
    session.execute("CREATE TABLE t (a bigint)")
    session.commit()
    frame = pl.DataFrame({"a": [1, 2]})

    def write():
        session.copy("t", frame, namespace="public")
        # the driver does not begin a second transaction: the server would warn of it
        session.commit()

    assert trips_of(write) == 1 + 4 + 1


def test_table_is_described_in_two_round_trips(session, trips_of):
    session.execute("CREATE TABLE homes (id int PRIMARY KEY, price numeric(9, 2))")
    session.commit()
    assert trips_of(lambda: catalog.describe(session, TABLE)) == 2
    facts = catalog.describe(session, TABLE)
    assert facts.primary_key == ("id",)
    assert [column.pg_type for column in facts.columns] == ["integer", "numeric(9,2)"]
    assert facts.empty


@pytest.mark.parametrize("known", [False, True])
def test_few_rows_are_loaded_in_few_round_trips(proxy, dsn, tmp_path, known):
    file = tmp_path / "homes.csv"
    rows = [{"id": n, "price": n * 7, "text": f"row {n}"} for n in range(4)]
    pl.DataFrame(rows).write_csv(file)
    settings = {"to": proxy.dsn_of(dsn), "table": "homes", "key": "id"}
    if known:
        propload.ingest(str(file), **settings)
        before = proxy.trips
    else:
        before = 0
    report = propload.ingest(str(file), **settings)
    assert report.counts.unchanged == (4 if known else 0)
    assert len(read_table(dsn, "homes")) == 4
    # a session for the run, one for its lock, one for its lane; the distance to a
    # server that is near is measured three times
    assert proxy.trips - before <= DRIVER_TRIPS + 3 * SESSION_TRIPS + 26


def test_pages_of_hashes_are_read_in_three_round_trips(session, trips_of):
    session.execute("CREATE TABLE t AS SELECT generate_series(1, 9) AS a")
    session.commit()
    # by COPY, which the driver prepares: with many rows, the server is faster that way
    read = "SELECT a FROM t ORDER BY a"
    assert trips_of(lambda: list(session.batches(read))) == 3
    assert trips_of(session.rollback) == 0
