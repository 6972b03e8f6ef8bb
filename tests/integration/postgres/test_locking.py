"""One run at a time, where a user asks for that."""

from __future__ import annotations

import threading

import pytest

from propload.errors import LockedError
from propload.postgres.loading import Database
from propload.postgres.session.connection import connect
from propload.target import TableName

pytestmark = pytest.mark.timeout(60)

TABLE = TableName("public", "it's")


def test_a_second_run_is_refused_until_the_first_has_ended(database, state_dir):
    with Database(database, state_dir=state_dir) as one:
        with one.lock(TABLE):
            with pytest.raises(LockedError, match="--lock-wait"), one.lock(TABLE):
                pass
            with (
                pytest.raises(LockedError, match=r"0\.05 s"),
                one.lock(TABLE, wait=0.05),
            ):
                pass
            with one.lock(TableName("public", "other")):
                pass
        with one.lock(TABLE):
            pass


@pytest.mark.parametrize("seconds", [30, 1e9])
def test_a_second_run_waits_as_long_as_it_is_told(seconds, database, state_dir):
    with Database(database, state_dir=state_dir) as opened:
        first, got = opened.lock(TABLE), threading.Event()
        first.__enter__()

        def second():
            with opened.lock(TABLE, wait=seconds):
                got.set()

        thread = threading.Thread(target=second)
        thread.start()
        with connect(database) as session:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while session.rows(waiting)[0][0] == 0:
                assert thread.is_alive()
                session.rollback()
        assert not got.is_set()
        first.__exit__(None, None, None)
        thread.join()
    assert got.is_set()


def test_a_lock_goes_with_the_session_that_held_it(database, state_dir):
    with Database(database, state_dir=state_dir) as opened, connect(database) as other:
        holder = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks "
            "WHERE locktype = 'advisory'"
        )
        with opened.lock(TABLE):
            other.rows(holder)
            with opened.lock(TABLE):
                pass
