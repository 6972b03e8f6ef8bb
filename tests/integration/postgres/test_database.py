"""A `Database` is used by one thread, and lanes open their sessions from it."""

from __future__ import annotations

import threading

import pytest

from propload.errors import ConfigError
from propload.postgres.database import Database
from propload.postgres.session import server_sessions
from propload.postgres.session.connection import Connection

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def test_lane_gets_a_session_even_if_the_one_it_clones_is_just_lost(
    database, state_dir, monkeypatch
):
    opening, lost = threading.Event(), threading.Event()
    clone = Connection.clone

    def clone_once_lost(session):
        opening.set()
        assert lost.wait(30)
        return clone(session)

    def lose():
        assert opening.wait(30)
        opened._sessions.discard_control()
        lost.set()

    with Database(database, state_dir=state_dir) as opened:
        opened.capacity()
        monkeypatch.setattr(Connection, "clone", clone_once_lost)
        losing = threading.Thread(target=lose)
        losing.start()
        with opened.connect() as lane:
            assert lane.rows("SELECT 1") == [(1,)]
        losing.join(30)


def pids(*sessions):
    return {session.value("SELECT pg_backend_pid()") for session in sessions}


def test_preconnected_sessions_are_the_ones_handed_out(
    database, state_dir, monkeypatch
):
    cloning_threads = []
    clone = Connection.clone

    def noting_clone(session):
        cloning_threads.append(threading.current_thread().name)
        return clone(session)

    monkeypatch.setattr(Connection, "clone", noting_clone)
    with Database(database, state_dir=state_dir) as opened:
        opened.preconnect(2)
        with opened.connect() as first, opened.connect() as second:
            assert len(pids(first, second, opened._sessions.control())) == 3
        # a session that was not opened yet is opened by the thread that needs it
        assert len(cloning_threads) == 2
        with opened.connect() as third:
            assert pids(third)
        assert len(cloning_threads) == 3
        assert cloning_threads[2] != "propload-sessions"


def test_unused_preconnected_sessions_are_closed(database, state_dir):
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    with Database(database, state_dir=state_dir) as opened:
        opened.preconnect(1)
        observer = opened.connect()
    with observer:
        before = observer.value(others)
        observer.rollback()
        with Database(database, state_dir=state_dir) as opened:
            opened.preconnect(2)
            pids(opened._sessions.control())
        ending = threading.Event()
        while observer.value(others) > before:
            observer.rollback()
            assert not ending.wait(0.01)


def test_preconnect_error_is_raised_once_and_connecting_tried_again(
    database, state_dir, monkeypatch
):
    attempts = []
    connect = server_sessions.connect

    def refuse_once(*args, **kwargs):
        attempts.append(threading.current_thread().name)
        if len(attempts) == 1:
            msg = "no such user"
            raise ConfigError(msg)
        return connect(*args, **kwargs)

    monkeypatch.setattr(server_sessions, "connect", refuse_once)
    with Database(database, state_dir=state_dir) as opened:
        opened.preconnect(1)
        while not attempts:
            threading.Event().wait(0.001)
        with pytest.raises(ConfigError, match="no such user"):
            opened.reach()
        assert attempts == ["propload-sessions"]
        opened.reach()
        with opened.connect() as session:
            assert session.rows("SELECT 1") == [(1,)]
    assert len(attempts) == 2


def test_live_control_replaces_a_control_session_that_was_ended(database, state_dir):
    with Database(database, state_dir=state_dir) as opened:
        (before,) = pids(opened._sessions.control())
        opened._sessions.control().commit()
        with opened.connect() as other:
            other.rows(f"SELECT pg_terminate_backend({before}, 5000)")
        (after,) = pids(opened._sessions.live_control())
        assert after != before


def test_live_control_does_not_ask_over_a_line_that_has_broken_elsewhere(
    database, state_dir, monkeypatch
):
    """Over a dead line the question would wait for a minute."""
    with Database(database, state_dir=state_dir) as opened:
        sessions = opened._sessions
        before = sessions.control()
        (pid,) = pids(before)
        before.commit()
        asked = []
        monkeypatch.setattr(before, "ask", asked.append)
        with opened.connect() as lane:
            sessions._lost.add(lane._backend)
            (after,) = pids(sessions.live_control())
        assert (after != pid, asked) == (True, [])
        assert not sessions._lost.are_left
