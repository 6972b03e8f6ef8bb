"""A session that ended because of its transaction's length is told from a lost one."""

from __future__ import annotations

import pytest

from propload.postgres.session.driver_errors import server_error
from propload.postgres.session.failures import classify
from propload.postgres.session.transaction_limit import TransactionLimit

QUERY = "IO: [libpq] Failed to execute query 'SELECT 1': "
CLOSED = "server closed the connection unexpectedly\n\tThis probably means the server"
SAID = [
    "FATAL:  terminating connection due to transaction timeout",
    "FATAL:  beende Verbindung wegen Zeitüberschreitung der Transaktion",
    "致命错误:  由于事务超时而终止连接",
]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize(
    ("seconds", "kind"), [(0, "transient"), (1e-9, "permanent"), (60, "transient")]
)
def test_time_tells_what_the_server_means_in_any_language(said, seconds, kind):
    limit = TransactionLimit(seconds)
    error = server_error(RuntimeError(f"{QUERY}{said}\n{CLOSED}"), "host=db", limit)
    error.status = "IO"
    assert classify(error).kind == kind
    assert (error.sqlstate == "25P04") == (kind == "permanent")


@pytest.mark.parametrize(
    "lost", [CLOSED, "could not receive data from server: Connection timed out"]
)
def test_a_line_that_broke_later_than_that_is_tried_again(lost):
    error = server_error(RuntimeError(f"{QUERY}{lost}"), "host=db", _past())
    error.status = "IO"
    assert classify(error).kind == "transient"


def _past():
    return TransactionLimit(1e-9)
