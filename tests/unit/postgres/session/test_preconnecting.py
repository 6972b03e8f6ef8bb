import threading

import pytest

from propload.errors import TransientWriteError
from propload.postgres.session import preconnecting as ahead_module
from propload.postgres.session.preconnecting import Preconnector

pytestmark = pytest.mark.timeout(30)


class Session:
    def __init__(self):
        self.closed = threading.Event()

    def close(self):
        self.closed.set()


class Server:
    """Opens a session each time that it is let, and notes in which threads."""

    def __init__(self):
        self.may = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)
        self.opened = []
        self.threads = set()
        self.error = None

    def open(self):
        self.threads.add(threading.current_thread())
        self.asked.release()
        assert self.may.acquire(timeout=20)
        if self.error is not None:
            raise self.error
        self.opened.append(Session())
        return self.opened[-1]

    def join(self):
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def test_expected_sessions_are_opened_in_another_thread_and_given_in_order():
    server = Server()
    preconnecting = Preconnector(server.open)
    server.may.release(2)
    preconnecting.preconnect(2)
    # one whose turn has not come is left to who needs it
    for _ in range(2):
        assert server.asked.acquire(timeout=20)
    first, second = preconnecting.take(), preconnecting.take()
    assert [first, second] == server.opened
    assert {thread.name for thread in server.threads} == {"propload-sessions"}
    assert not first.closed.is_set()


def test_nothing_is_given_that_was_not_expected():
    assert Preconnector(Server().open).take() is None


def test_who_asks_for_one_that_is_about_to_open_waits_for_it():
    server = Server()
    preconnecting = Preconnector(server.open)
    preconnecting.preconnect(1)
    assert server.asked.acquire(timeout=20)
    threading.Timer(0.01, server.may.release).start()
    assert preconnecting.take() is server.opened[0]


def test_one_that_could_not_be_opened_is_left_to_who_needs_it():
    server = Server()
    server.error = TransientWriteError("away")
    preconnecting = Preconnector(server.open)
    server.may.release(1)
    preconnecting.preconnect(1)
    assert preconnecting.take() is None


def test_a_fault_of_the_program_is_not_hidden():
    server = Server()
    server.error = ZeroDivisionError()
    preconnecting = Preconnector(server.open)
    server.may.release(1)
    preconnecting.preconnect(1)
    assert server.asked.acquire(timeout=20)
    with pytest.raises(ZeroDivisionError):
        preconnecting.take()


def test_what_nobody_took_is_closed_at_the_end_and_what_comes_later_too(monkeypatch):
    # it does not wait for a server that does not answer
    monkeypatch.setattr(ahead_module, "CLOSE_SECONDS", 0.0)
    server = Server()
    preconnecting = Preconnector(server.open)
    preconnecting.preconnect(2)
    server.may.release(1)
    # the first has come when the second is asked for
    for _ in range(2):
        assert server.asked.acquire(timeout=20)
    preconnecting.close()
    assert server.opened[0].closed.wait(20)
    server.may.release(1)
    server.join()
    assert server.opened[1].closed.wait(20)
    assert preconnecting.take() is None


def test_none_is_begun_after_the_end(monkeypatch):
    monkeypatch.setattr(ahead_module, "CLOSE_SECONDS", 0.0)
    server = Server()
    preconnecting = Preconnector(server.open)
    preconnecting.preconnect(2)
    assert server.asked.acquire(timeout=20)
    preconnecting.close()
    server.may.release(2)
    server.join()
    assert [session.closed.is_set() for session in server.opened] == [True]


def test_one_whose_start_was_broken_off_holds_up_no_end(monkeypatch):
    server = Server()
    preconnecting = Preconnector(server.open)

    def broken_off(_thread):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", broken_off)
        with pytest.raises(KeyboardInterrupt):
            preconnecting.preconnect(1)
    preconnecting.close()
    assert server.opened == []
