"""A request to cancel a statement reaches that statement or none."""

import threading

import pytest

from propload.postgres.session.cancelling import StatementCanceller
from tests.waiting import recorded_waits

pytestmark = pytest.mark.timeout(30)


class Session:
    """A session whose cancel requests are answered once the test lets them be."""

    def __init__(self):
        self.requested, self.answered = threading.Semaphore(0), threading.Event()
        self.closed = 0
        self.statement = StatementCanceller(self.cancel, self.close)

    def cancel(self):
        self.requested.release()
        assert self.answered.wait(20)

    def close(self):
        self.closed += 1

    def cancelling(self):
        """Cancel the statement in another thread, and return it once it asks."""
        thread = threading.Thread(target=self.statement.cancel)
        thread.start()
        assert self.requested.acquire(timeout=20)
        return thread


def test_nothing_is_cancelled_between_statements_or_after_close():
    session = Session()
    session.statement.cancel()
    session.statement.begin()
    session.statement.end()
    session.statement.cancel()
    session.statement.begin()
    session.statement.close()
    session.statement.cancel()
    assert not session.requested.acquire(blocking=False)


def test_second_cancel_sends_no_second_request():
    session = Session()
    session.statement.begin()
    cancelling = session.cancelling()
    session.statement.cancel()
    session.answered.set()
    cancelling.join(20)
    assert not session.requested.acquire(blocking=False)


def test_session_is_closed_once_after_a_pending_cancel():
    session = Session()
    session.statement.begin()
    cancelling = session.cancelling()
    session.statement.end()
    session.statement.close()
    session.statement.close()
    assert (session.statement.closed, session.closed) == (True, 0)
    session.answered.set()
    cancelling.join(20)
    session.statement.close()
    assert session.closed == 1


def test_next_statement_waits_for_a_pending_cancel_of_the_last(monkeypatch):
    session = Session()
    waits = recorded_waits(session.statement._changed, monkeypatch)
    session.statement.begin()
    cancelling = session.cancelling()
    session.statement.end()
    following = threading.Thread(target=session.statement.begin)
    following.start()
    assert waits.acquire(timeout=20)
    assert following.is_alive()
    session.answered.set()
    following.join(20)
    cancelling.join(20)
    assert not following.is_alive()
