"""What is told of a server that takes long to answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from propload.postgres.session import connection as connection_module
from propload.postgres.session import slow_answers
from propload.postgres.session.connection import connect
from tests.faults.server import wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

SLOW_TO_COMMIT = (
    "CREATE TABLE homes (id int)",
    """CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$""",
    """CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON homes
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()""",
)


def test_a_commit_that_waits_is_told(database, monkeypatch, caplog):
    for statement in SLOW_TO_COMMIT:
        run_sql(database, statement)
    with connect(database) as slow, connect(database) as other:
        slow.execute("INSERT INTO homes VALUES (1)")
        other.execute("SELECT pg_advisory_xact_lock(1)::text")
        monkeypatch.setattr(slow_answers, "SLOW_SECONDS", 0.1)
        with ThreadPoolExecutor(1) as pool:
            committed = pool.submit(slow.commit)
            wait_until(lambda: "not answered a COMMIT for 0.1 s" in caplog.text)
            other.rollback()
            committed.result()
        pid = slow.value("SELECT pg_backend_pid()")
    assert f"for process {pid}" in caplog.text
    assert "synchronous_standby_names" in caplog.text


def test_a_commit_is_made_where_no_thread_can_be_started(database, monkeypatch):
    def refuse(_thread):
        msg = "can't create new thread at interpreter shutdown"
        raise RuntimeError(msg)

    with connect(database) as session:
        session.execute("CREATE TABLE homes (id int)")
        monkeypatch.setattr(slow_answers, "start_thread", refuse)
        session.commit()
        monkeypatch.undo()
        assert session.value("SELECT count(*) FROM homes") == 0


def test_patience_for_a_session_begins_when_it_is_its_turn(database, monkeypatch):
    turns = []

    @contextmanager
    def note(_place):
        turns.append(opened._group.opening.locked())
        yield

    with connect(database) as opened:
        monkeypatch.setattr(connection_module, "warn_if_no_session", note)
        # of several lanes only one opens a session at a time, 10 s on a dead line
        opened.clone().close()
    assert turns == [True]
