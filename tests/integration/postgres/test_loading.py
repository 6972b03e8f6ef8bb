"""A database that one thread uses and lanes open their sessions of."""

from __future__ import annotations

import threading

import pytest

from propload.postgres.loading import Database
from propload.postgres.session.connection import Connection

pytestmark = pytest.mark.timeout(60)


def test_a_session_is_not_lost_while_a_lane_opens_another_one_of_it(
    database, state_dir, monkeypatch
):
    opening, lost = threading.Event(), threading.Event()
    sibling = Connection.sibling

    def sibling_while_losing(session):
        opening.set()
        # who does not wait for the lane has lost it within this time
        lost.wait(0.2)
        assert not session.closed
        return sibling(session)

    def lose():
        opening.wait(30)
        opened._lose_session()
        lost.set()

    with Database(database, state_dir=state_dir) as opened:
        opened.room()
        monkeypatch.setattr(Connection, "sibling", sibling_while_losing)
        losing = threading.Thread(target=lose)
        losing.start()
        with opened.connect() as lane:
            assert lane.rows("SELECT 1") == [(1,)]
        losing.join(30)
        assert lost.is_set()
