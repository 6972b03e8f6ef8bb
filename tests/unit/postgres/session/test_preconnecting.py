import threading

import pytest

from propload.errors import TransientWriteError
from propload.postgres.session import preconnecting as preconnecting_module
from propload.postgres.session.preconnecting import Preconnector

pytestmark = pytest.mark.timeout(30)


class Session:
    def __init__(self):
        self.closed = threading.Event()

    def close(self):
        self.closed.set()


class Server:
    """A server that opens a session when the test lets it, and notes the threads."""

    def __init__(self):
        self.allowed = threading.Semaphore(0)
        self.requested = threading.Semaphore(0)
        self.opened = []
        self.threads = set()
        self.error = None

    def open(self):
        self.threads.add(threading.current_thread())
        self.requested.release()
        assert self.allowed.acquire(timeout=20)
        if self.error is not None:
            raise self.error
        self.opened.append(Session())
        return self.opened[-1]

    def join(self):
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def test_sessions_are_opened_in_another_thread_and_taken_in_order():
    server = Server()
    preconnecting = Preconnector(server.open)
    server.allowed.release(2)
    preconnecting.preconnect(2)
    # take() does not wait for a session whose opening has not begun
    for _ in range(2):
        assert server.requested.acquire(timeout=20)
    first, second = preconnecting.take(), preconnecting.take()
    assert [first, second] == server.opened
    assert {thread.name for thread in server.threads} == {"propload-sessions"}
    assert not first.closed.is_set()


def test_nothing_is_taken_if_no_session_was_requested():
    assert Preconnector(Server().open).take() is None


def test_take_waits_for_a_session_that_is_being_opened():
    server = Server()
    preconnecting = Preconnector(server.open)
    preconnecting.preconnect(1)
    assert server.requested.acquire(timeout=20)
    threading.Timer(0.01, server.allowed.release).start()
    assert preconnecting.take() is server.opened[0]


def test_session_that_could_not_be_opened_is_left_to_the_caller():
    server = Server()
    server.error = TransientWriteError("away")
    preconnecting = Preconnector(server.open)
    server.allowed.release(1)
    preconnecting.preconnect(1)
    assert preconnecting.take() is None


def test_unexpected_exception_while_opening_is_raised():
    server = Server()
    server.error = ZeroDivisionError()
    preconnecting = Preconnector(server.open)
    server.allowed.release(1)
    preconnecting.preconnect(1)
    assert server.requested.acquire(timeout=20)
    with pytest.raises(ZeroDivisionError):
        preconnecting.take()


def test_sessions_not_taken_are_closed_even_if_they_open_after_close(monkeypatch):
    # close() does not wait for a server that does not answer
    monkeypatch.setattr(preconnecting_module, "CLOSE_SECONDS", 0.0)
    server = Server()
    preconnecting = Preconnector(server.open)
    preconnecting.preconnect(2)
    server.allowed.release(1)
    # the first session is open when the second is requested
    for _ in range(2):
        assert server.requested.acquire(timeout=20)
    preconnecting.close()
    assert server.opened[0].closed.wait(20)
    server.allowed.release(1)
    server.join()
    assert server.opened[1].closed.wait(20)
    assert preconnecting.take() is None


def test_no_session_is_opened_after_close(monkeypatch):
    monkeypatch.setattr(preconnecting_module, "CLOSE_SECONDS", 0.0)
    server = Server()
    preconnecting = Preconnector(server.open)
    preconnecting.preconnect(2)
    assert server.requested.acquire(timeout=20)
    preconnecting.close()
    server.allowed.release(2)
    server.join()
    assert [session.closed.is_set() for session in server.opened] == [True]


def test_interrupted_start_does_not_block_close(monkeypatch):
    server = Server()
    preconnecting = Preconnector(server.open)

    def interrupted(_thread):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            preconnecting.preconnect(1)
    preconnecting.close()
    assert server.opened == []
