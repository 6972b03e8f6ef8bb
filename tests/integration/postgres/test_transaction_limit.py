"""A transaction that takes longer than the server permits."""

from __future__ import annotations

import pytest

from propload.postgres.session import failures
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import with_option

pytestmark = pytest.mark.timeout(60)

#: Waits in a transaction for longer than it may take.
WAITS = {
    "one statement": lambda session: session.execute("SELECT pg_sleep(10)"),
    "a question": lambda session: session.ask("SELECT pg_sleep(10)"),
    "a later statement": lambda session: (
        session.execute("SELECT pg_sleep(0.1)"),
        session.execute("SELECT pg_sleep(10)"),
    ),
}


@pytest.fixture
def limited(database, needs):
    """The connection string of a user whose transactions take 0.3 s at most."""
    needs.version(17)
    return with_option(database, "-c transaction_timeout=300ms")


@pytest.mark.parametrize("wait", WAITS)
def test_it_is_not_tried_again_whatever_the_server_calls_it(limited, wait):
    with connect(limited) as session:
        # a session lasts longer than that, its transactions do not
        session.ask("SELECT pg_sleep(0.2)")
        session.ask("SELECT pg_sleep(0.2)")
        with pytest.raises(ServerError) as raised:
            WAITS[wait](session)
    assert raised.value.sqlstate == "25P04"
    assert failures.classify(raised.value).kind == "permanent"


def test_a_session_that_is_ended_in_time_is_opened_again(limited):
    end = "SELECT pg_terminate_backend(pg_backend_pid())"
    with connect(limited) as session, pytest.raises(ServerError) as raised:
        session.execute(end)
    assert failures.is_transient(raised.value)
