"""SIGINT while the main thread runs a statement."""

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
def act_once_blocked(database):
    """Lock table t; return a function that acts once a statement waits for it."""
    leave_to_python()
    run_sql(database, "CREATE TABLE t (a bigint)")
    with connect(database) as holder:
        holder.execute("LOCK TABLE t")
        threads = []

        def act_once_blocked(act):
            def wait_and_act():
                run_sql(database, AWAIT_WAITING)
                act()

            threads.append(threading.Thread(target=wait_and_act))
            threads[-1].start()

        yield act_once_blocked
        for thread in threads:
            thread.join()


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def copy(session):
    session.copy("t", pl.DataFrame({"a": [1]}), namespace="public")


def read(session):
    session.rows("SELECT * FROM t")


@pytest.mark.parametrize("ask", [copy, read])
def test_interrupt_is_raised_and_leaves_the_session_usable(
    connection, act_once_blocked, ask
):
    act_once_blocked(interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask(connection)
    connection.rollback()
    assert connection.value("SELECT 1") == 1


def test_statement_cancelled_by_the_server_is_no_interrupt(
    database, connection, act_once_blocked
):
    pid = connection.value("SELECT pg_backend_pid()")
    act_once_blocked(lambda: query(database, "SELECT pg_cancel_backend($1::int4)", pid))
    with pytest.raises(ServerError, match="canceling statement"):
        read(connection)


def test_interrupted_check_raises_keyboard_interrupt(database, act_once_blocked):
    act_once_blocked(interrupt)
    with pytest.raises(KeyboardInterrupt):
        propload.check([{"a": 1}], to=database, table="t", key="a", progress=False)
