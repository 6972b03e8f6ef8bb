"""Statements of the main thread, and SIGINT while they run."""

from __future__ import annotations

import os
import signal
import threading

import polars as pl
import pytest

import propload
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.process.sigint import leave_to_python
from tests.integration.reading import query, run_sql

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.one_server,
    pytest.mark.skipif(
        threading.current_thread() is not threading.main_thread(),
        reason="only the main thread hears signals",
    ),
]
#: Waits, for as long as a test may take, until a session waits for a lock.
AWAIT_WAITING = """
DO $$ BEGIN
    FOR n IN 1..4000 LOOP
        IF EXISTS (SELECT FROM pg_locks WHERE NOT granted) THEN RETURN; END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE 'nobody waits';
END $$"""


@pytest.fixture
def when_it_waits(database):
    """Hold a lock on the table t, and do something once a statement waits for it."""
    leave_to_python()
    run_sql(database, "CREATE TABLE t (a bigint)")
    with connect(database) as holder:
        holder.execute("LOCK TABLE t")
        threads = []

        def when_it_waits(act):
            def look():
                run_sql(database, AWAIT_WAITING)
                act()

            threads.append(threading.Thread(target=look))
            threads[-1].start()

        yield when_it_waits
        for thread in threads:
            thread.join()


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def copy(session):
    session.copy("t", pl.DataFrame({"a": [1]}), namespace="public")


def read(session):
    session.rows("SELECT * FROM t")


@pytest.mark.parametrize("ask", [copy, read])
def test_an_interrupt_is_one_and_leaves_the_session_of_use(
    connection, when_it_waits, ask
):
    when_it_waits(interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask(connection)
    connection.rollback()
    assert connection.value("SELECT 1") == 1


def test_a_statement_that_the_server_ends_is_no_interrupt(
    database, connection, when_it_waits
):
    pid = connection.value("SELECT pg_backend_pid()")
    when_it_waits(lambda: query(database, "SELECT pg_cancel_backend($1::int4)", pid))
    with pytest.raises(ServerError, match="canceling statement"):
        read(connection)


def test_an_interrupted_check_says_so(database, when_it_waits):
    when_it_waits(interrupt)
    with pytest.raises(KeyboardInterrupt):
        propload.check([{"a": 1}], to=database, table="t", key="a", progress=False)
