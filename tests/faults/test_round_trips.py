"""How often a load waits for an answer: what counts where the server is far away."""

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

#: What the driver asks of the server's types, in a connection of its own that it opens
#: before any other: twice to begin, and five questions.
OF_THE_DRIVER = 7
#: What any session begins with: whether the line may be encrypted, the user, settings.
OF_A_SESSION = 3
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


def test_a_session_opens_within_as_few_answers_as_it_can(proxy, session, trips_of):
    assert proxy.trips == OF_THE_DRIVER + OF_A_SESSION
    assert trips_of(lambda: session.clone().close()) == OF_A_SESSION


def test_a_statement_is_answered_at_once_with_values_and_without(session, trips_of):
    asked = "SELECT $1::text, $2::int8, $3::text[]"
    values = ("it's", 5, ["a", None])
    assert trips_of(lambda: session.ask(asked, values)) == 1
    assert trips_of(session.commit) == trips_of(session.rollback) == 0
    several = "CREATE TEMPORARY TABLE t (a int); INSERT INTO t VALUES (1), (2)"
    # BEGIN goes along
    assert trips_of(lambda: session.execute(several)) == 1
    assert trips_of(lambda: session.rows("SELECT a FROM t")) == 1
    assert trips_of(lambda: session.execute("UPDATE t SET a = $1", (3,))) == 1
    assert trips_of(session.commit) == 1


def test_a_copy_is_four_answers_and_those_of_its_transaction(session, trips_of):
    session.execute("CREATE TABLE t (a bigint)")
    session.commit()
    frame = pl.DataFrame({"a": [1, 2]})

    def write():
        session.copy("t", frame, namespace="public")
        # the driver does not begin another one, of which the server would warn
        session.commit()

    assert trips_of(write) == 1 + 4 + 1


def test_a_table_is_described_within_two_answers(session, trips_of):
    session.execute("CREATE TABLE homes (id int PRIMARY KEY, price numeric(9, 2))")
    session.commit()
    assert trips_of(lambda: catalog.describe(session, TABLE)) == 2
    facts = catalog.describe(session, TABLE)
    assert facts.primary_key == ("id",)
    assert [column.pg_type for column in facts.columns] == ["integer", "numeric(9,2)"]
    assert facts.empty


@pytest.mark.parametrize("known", [False, True])
def test_a_few_rows_are_loaded_within_few_answers(proxy, dsn, tmp_path, known):
    file = tmp_path / "homes.csv"
    rows = [{"id": n, "price": n * 7, "text": f"row {n}"} for n in range(4)]
    pl.DataFrame(rows).write_csv(file)
    told = {"to": proxy.dsn_of(dsn), "table": "homes", "key": "id"}
    if known:
        propload.ingest(str(file), **told)
        before = proxy.trips
    else:
        before = 0
    report = propload.ingest(str(file), **told)
    assert report.counts.unchanged == (4 if known else 0)
    assert len(read_table(dsn, "homes")) == 4
    # a session for the run, one for its lock, one for its lane; a server that is near
    # is asked three times how far it is
    assert proxy.trips - before <= OF_THE_DRIVER + 3 * OF_A_SESSION + 26


def test_pages_of_hashes_are_read_within_three_answers(session, trips_of):
    session.execute("CREATE TABLE t AS SELECT generate_series(1, 9) AS a")
    session.commit()
    # by COPY, which the driver prepares: the server is quicker so, of many rows
    read = "SELECT a FROM t ORDER BY a"
    assert trips_of(lambda: list(session.batches(read))) == 3
    assert trips_of(session.rollback) == 0
