"""A database that one thread uses and lanes open their sessions of."""

from __future__ import annotations

import threading

import pytest

from propload.errors import ConfigError
from propload.postgres.database import Database
from propload.postgres.session import server_sessions
from propload.postgres.session.connection import Connection

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def test_a_lane_opens_its_session_although_the_one_it_is_made_of_is_lost_just_then(
    database, state_dir, monkeypatch
):
    opening, lost = threading.Event(), threading.Event()
    clone = Connection.clone

    def clone_of_a_lost_one(session):
        opening.set()
        assert lost.wait(30)
        return clone(session)

    def lose():
        assert opening.wait(30)
        opened._sessions.discard_control()
        lost.set()

    with Database(database, state_dir=state_dir) as opened:
        opened.capacity()
        monkeypatch.setattr(Connection, "clone", clone_of_a_lost_one)
        losing = threading.Thread(target=lose)
        losing.start()
        with opened.connect() as lane:
            assert lane.rows("SELECT 1") == [(1,)]
        losing.join(30)


def pids(*sessions):
    return {session.value("SELECT pg_backend_pid()") for session in sessions}


def test_expected_sessions_are_those_that_are_given(database, state_dir, monkeypatch):
    made = []
    clone = Connection.clone

    def noted(session):
        made.append(threading.current_thread().name)
        return clone(session)

    monkeypatch.setattr(Connection, "clone", noted)
    with Database(database, state_dir=state_dir) as opened:
        opened.preconnect(2)
        with opened.connect() as first, opened.connect() as second:
            assert len(pids(first, second, opened._sessions.control())) == 3
        # one whose turn had not come is opened by who needs it
        assert len(made) == 2
        with opened.connect() as third:
            assert pids(third)
        assert len(made) == 3
        assert made[2] != "propload-sessions"


def test_what_was_expected_and_not_used_is_closed(database, state_dir):
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    with Database(database, state_dir=state_dir) as opened:
        opened.preconnect(1)
        kept = opened.connect()
    with kept:
        before = kept.value(others)
        kept.rollback()
        with Database(database, state_dir=state_dir) as opened:
            opened.preconnect(2)
            pids(opened._sessions.control())
        ending = threading.Event()
        while kept.value(others) > before:
            kept.rollback()
            assert not ending.wait(0.01)


def test_why_the_server_cannot_be_reached_is_told_once_and_asked_again(
    database, state_dir, monkeypatch
):
    tried = []
    connect = server_sessions.connect

    def refuses_once(*args, **kwargs):
        tried.append(threading.current_thread().name)
        if len(tried) == 1:
            msg = "no such user"
            raise ConfigError(msg)
        return connect(*args, **kwargs)

    monkeypatch.setattr(server_sessions, "connect", refuses_once)
    with Database(database, state_dir=state_dir) as opened:
        opened.preconnect(1)
        while not tried:
            threading.Event().wait(0.001)
        with pytest.raises(ConfigError, match="no such user"):
            opened.reach()
        assert tried == ["propload-sessions"]
        opened.reach()
        with opened.connect() as session:
            assert session.rows("SELECT 1") == [(1,)]
    assert len(tried) == 2


def test_the_end_of_a_run_finds_a_session_where_the_first_one_is_gone(
    database, state_dir
):
    with Database(database, state_dir=state_dir) as opened:
        (before,) = pids(opened._sessions.control())
        opened._sessions.control().commit()
        with opened.connect() as other:
            other.rows(f"SELECT pg_terminate_backend({before}, 5000)")
        (after,) = pids(opened._sessions.live_control())
        assert after != before
