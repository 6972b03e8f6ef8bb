"""Sessions that end while a run begins: the run begins again."""

from __future__ import annotations

import threading

import pytest

import propload
from propload.postgres.session.connection import Connection
from tests.faults.server import BACKENDS, ask
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(120)

END = "SELECT pg_terminate_backend(pid)"
HOMES = [{"id": number} for number in range(10)]


class SessionEnder:
    """Ends all sessions of a run just before its statement of a given number."""

    def __init__(self, monkeypatch, dsn, number):
        self._cursor = Connection._cursor
        self._dsn = dsn
        self._left = number
        self._lock = threading.Lock()
        self.struck = False
        monkeypatch.setattr(Connection, "_cursor", lambda one: self.cursor(one))  # noqa: PLW0108 - a method of Connection

    def cursor(self, session):
        if session._group.application_name == "propload" and self._is_due():
            ask(self._dsn, BACKENDS.replace("SELECT pid", END))
        return self._cursor(session)

    def _is_due(self):
        with self._lock:
            if not self.struck:
                self._left -= 1
                self.struck = self._left < 0
                return self.struck
        return False


# before the first statement nothing is retried: the address may be wrong
@pytest.mark.parametrize("number", range(1, 22))
def test_session_lost_while_a_run_begins_costs_only_a_retry(dsn, monkeypatch, number):
    run_sql(dsn, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    ender = SessionEnder(monkeypatch, dsn, number)
    settings = {"to": dsn, "table": "homes", "workers": 1, "lock": True}
    report = propload.ingest(HOMES, **settings)
    assert ender.struck
    assert report.counts.inserted == 10
    assert read_table(dsn, "homes").height == 10
