"""Which signals stop a load, and whose handlers are left alone."""

import signal
import threading

import pytest

from propload.running import stopping
from propload.running.stopping import stoppable

pytestmark = [
    pytest.mark.timeout(30),
    pytest.mark.skipif(
        threading.current_thread() is not threading.main_thread(),
        reason="only the main thread hears signals",
    ),
]


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request):
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


def test_a_signal_that_is_ignored_stays_so(number):
    signal.signal(number, signal.SIG_IGN)

    assert stoppable(lambda _: signal.getsignal(number)) == signal.SIG_IGN
    assert signal.getsignal(number) == signal.SIG_IGN


def test_the_handler_that_was_there_is_put_back(number):
    heard = []
    signal.signal(number, lambda *_: heard.append("the caller"))

    def load(stopper):
        told = threading.Event()
        stopper.stop = told.set
        signal.raise_signal(number)
        return told.wait(20)

    assert stoppable(load) is True
    signal.raise_signal(number)
    assert heard == ["the caller"]


def test_a_handler_that_was_not_set_from_python_is_left_alone(number, monkeypatch):
    own = signal.getsignal(number)
    # as in a program that has Python within it: there is nothing to be put back
    monkeypatch.setattr(stopping.signal, "getsignal", lambda _: None)
    set_now = []
    monkeypatch.setattr(stopping.signal, "signal", lambda *told: set_now.append(told))
    assert stoppable(lambda stopper: stopper.stopped) is False
    monkeypatch.undo()
    assert set_now == []
    assert signal.getsignal(number) is own
