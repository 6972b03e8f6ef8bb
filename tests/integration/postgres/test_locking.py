"""Only one run at a time loads a table, if the user asks for that."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress

import pytest

from propload.errors import LockedError
from propload.postgres.database import Database
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import with_option
from propload.postgres.session.locking import is_free, take
from propload.target import TableName
from tests.sessions import WAITING_FOR_A_RUN

pytestmark = pytest.mark.timeout(60)

TABLE = TableName("public", "it's")


def test_second_run_is_refused_until_the_first_has_ended(database, state_dir):
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
def test_second_run_waits_until_the_first_releases_the_lock(
    seconds, database, state_dir
):
    with Database(database, state_dir=state_dir) as opened:
        first, acquired = opened.lock(TABLE), threading.Event()
        first.__enter__()

        def second():
            with opened.lock(TABLE, wait=seconds):
                acquired.set()

        thread = threading.Thread(target=second)
        thread.start()
        with connect(database) as session:
            while not session.ask(WAITING_FOR_A_RUN):
                assert thread.is_alive()
        assert not acquired.is_set()
        first.__exit__(None, None, None)
        thread.join()
    assert acquired.is_set()


def test_who_waits_for_a_lock_holds_back_no_vacuum(database, state_dir):
    # neither a transaction nor a statement may last as long as the wait
    limited = with_option(database, "-c statement_timeout=100ms")
    snapshots = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid() "
        "AND backend_xmin IS NOT NULL"
    )
    stop = threading.Event()

    def wait(opened):
        with suppress(LockedError), opened.lock(TABLE, wait=1e9, stop=stop):
            pass

    with (
        Database(database, state_dir=state_dir) as holder,
        Database(limited, state_dir=state_dir) as opened,
        connect(database) as observer,
        holder.lock(TABLE),
    ):
        thread = threading.Thread(target=wait, args=(opened,))
        thread.start()
        try:
            while not observer.ask(WAITING_FOR_A_RUN):
                assert thread.is_alive()
            observer.ask("SELECT pg_sleep(0.2)")
            # each of its short questions has a snapshot; one that is kept never ends
            while observer.ask(snapshots)[0][0] > 0:
                assert thread.is_alive()
            assert thread.is_alive()
        finally:
            stop.set()
            thread.join(10)
        assert not thread.is_alive()


def test_lock_outlives_the_idle_session_timeout(database, state_dir):
    limited = with_option(database, "-c idle_session_timeout=1s")
    left_open = "FROM pg_stat_activity WHERE application_name = 'left open'"
    with (
        Database(limited, state_dir=state_dir) as opened,
        connect(database) as observer,
        opened.lock(TABLE),
        connect(limited, application_name="left open"),
    ):
        # this session was idle for a shorter time than the one that holds the lock
        while observer.value(f"SELECT count(*) {left_open}") > 0:
            observer.rollback()
        observer.rollback()
        assert not is_free(observer, f"target:{TABLE}", wait=0.05)


def test_lock_is_released_when_its_session_ends(database, state_dir):
    with Database(database, state_dir=state_dir) as opened, connect(database) as other:
        end_holder = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "JOIN pg_locks USING (pid) WHERE locktype = 'advisory' "
            "AND datname = current_database()"
        )
        with opened.lock(TABLE):
            other.rows(end_holder)
            with opened.lock(TABLE):
                pass


class Pooled:
    """Sessions that a pooler in transaction mode lends in turn, as if they were one."""

    def __init__(self, *sessions):
        self._sessions = deque(sessions)

    def execute(self, statement, params=()):
        return self._sessions[0].execute(statement, params)

    def commit(self):
        self._sessions[0].commit()
        self._sessions.rotate()

    def rollback(self):
        self._sessions[0].rollback()
        self._sessions.rotate()


def test_checking_a_lock_does_not_keep_it_behind_a_pooler(database):
    with connect(database) as one, connect(database) as two, connect(database) as other:
        pooled = Pooled(one, two)
        assert is_free(pooled, "pieces", wait=5)
        assert take(other, "pieces")
        assert not is_free(pooled, "pieces", wait=0.01)
