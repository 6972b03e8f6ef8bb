"""Which signals stop a load, and which handlers are left alone."""

import itertools
import signal
import sys
import threading
from functools import partial

import pytest

from propload.cli.signals import raise_on_signals
from propload.running import stopping
from propload.running.stopping import Latch, run_stoppable

pytestmark = [
    pytest.mark.timeout(30),
    pytest.mark.skipif(
        threading.current_thread() is not threading.main_thread(),
        reason="only the main thread hears signals",
    ),
]


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch):
    """Check often, so that a signal raised in another thread is noticed at once."""
    monkeypatch.setattr(stopping, "LISTEN_SECONDS", 0.01)


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request):
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


def test_ignored_signal_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)

    assert run_stoppable(lambda _: signal.getsignal(number)) == signal.SIG_IGN
    assert signal.getsignal(number) == signal.SIG_IGN


def load_with_signal(number, *, ended=None):
    """Return a load during which a signal comes, and which ends when it is stopped."""

    def load(stopper):
        stopped = threading.Event()
        stopper.stop = stopped.set
        signal.raise_signal(number)
        assert stopped.wait(20)
        if ended is not None:
            ended.set()
        return "the report"

    return load


def test_earlier_handler_is_restored_and_called_after_the_load(number):
    calls, ended = [], threading.Event()

    def handler(signum, frame):
        here = threading.current_thread() is threading.main_thread()
        calls.append((signum, frame is not None, ended.is_set(), here))

    signal.signal(number, handler)
    assert run_stoppable(load_with_signal(number, ended=ended)) == "the report"
    assert signal.getsignal(number) is handler
    assert calls == [(number, True, True, True)]
    signal.raise_signal(number)
    assert len(calls) == 2


def test_exception_of_the_earlier_handler_is_raised(number):
    def handler(signum, _frame):
        raise SystemExit(128 + signum)

    signal.signal(number, handler)
    with pytest.raises(SystemExit) as caught:
        run_stoppable(load_with_signal(number))
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) is handler


def test_earlier_handler_is_called_for_a_second_signal_too(number):
    received = []
    signal.signal(number, lambda signum, _: received.append(signum))

    def load(stopper):
        aborted = threading.Event()
        # the second signal comes once the first is handled
        stopper.stop = lambda: signal.raise_signal(number)
        stopper.abort = lambda _: aborted.set()
        signal.raise_signal(number)
        assert aborted.wait(20)

    with pytest.raises(KeyboardInterrupt):
        run_stoppable(load)
    assert received == [number, number]


def interrupted_at(step, wait):
    """Interrupt `wait` at a step, as a signal would; return whether it happened."""
    left = step

    def interrupt(_frame, event, _):
        nonlocal left
        left -= event in {"line", "return"}
        if left < 0:
            raise KeyboardInterrupt
        return interrupt

    sys.settrace(interrupt)
    try:
        wait()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


@pytest.mark.parametrize("is_over", [False, True])
def test_wait_can_be_interrupted_at_any_step(is_over):
    for step in itertools.count():
        ended = Latch()
        if is_over:
            ended.set()
        was_interrupted = interrupted_at(step, partial(ended.wait, 0))
        assert ended.wait(0) == is_over
        if not was_interrupted:
            break
    assert step > 1


def test_interrupt_by_a_second_signal_has_the_loads_error_as_cause(number):
    signal.signal(number, lambda *_: None)
    ended = OSError("the report is here")

    def load(stopper):
        aborted = threading.Event()
        stopper.stop = lambda: signal.raise_signal(number)
        stopper.abort = lambda _: aborted.set()
        signal.raise_signal(number)
        assert aborted.wait(20)
        raise ended

    with pytest.raises(KeyboardInterrupt) as caught:
        run_stoppable(load)
    assert caught.value.__cause__ is ended


def test_signal_while_handlers_are_restored_does_not_interrupt(number, monkeypatch):
    received = []
    signal.signal(number, lambda signum, _: received.append(signum))
    before = [signal.getsignal(one) for one in stopping.SIGNALS]
    set_handler = signal.signal

    def restore_late(one, handler):
        if handler in before:
            monkeypatch.undo()
            signal.raise_signal(number)
        return set_handler(one, handler)

    def load(stopper):
        load_with_signal(number)(stopper)
        monkeypatch.setattr(stopping.signal, "signal", restore_late)
        return "the report"

    assert run_stoppable(load) == "the report"
    assert [signal.getsignal(one) for one in stopping.SIGNALS] == before
    assert received == [number, number]


def test_end_at_once_leaves_no_thread_behind():
    ended, proceed = threading.Event(), threading.Event()

    def abort(_error):
        ended.set()
        # like a driver's call to cancel what has ended meanwhile
        proceed.wait(20)

    def wait(seconds):
        threading.Timer(0.05, proceed.set).start()
        return ended.wait(seconds)

    stopping.end_at_once(abort, KeyboardInterrupt(), wait)
    left = [thread.name for thread in threading.enumerate()]
    assert "propload-abort" not in left


def test_earlier_handler_is_called_even_if_the_load_failed(number):
    received = []
    signal.signal(number, lambda signum, _: received.append(signum))

    def fail(stopper):
        load_with_signal(number)(stopper)
        msg = "the server is gone"
        raise OSError(msg)

    with pytest.raises(OSError, match="the server is gone"):
        run_stoppable(fail)
    assert received == [number]


def test_earlier_handler_is_not_called_without_a_signal(number):
    received = []
    signal.signal(number, lambda signum, _: received.append(signum))
    assert run_stoppable(lambda _: 7) == 7
    assert received == []


def test_python_s_own_handler_is_not_called_after_a_clean_end():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # as in a notebook: the cell shows the report
        assert run_stoppable(load_with_signal(signal.SIGINT)) == "the report"
    finally:
        signal.signal(signal.SIGINT, before)


def test_handler_of_the_command_line_is_not_called_after_a_clean_end():
    with raise_on_signals():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert run_stoppable(load_with_signal(signal.SIGTERM)) == "the report"


def test_handler_that_was_not_set_from_python_is_left_alone(number, monkeypatch):
    own = signal.getsignal(number)
    # as in a program that embeds Python: there is no handler to restore
    monkeypatch.setattr(stopping.signal, "getsignal", lambda _: None)
    calls = []
    monkeypatch.setattr(
        stopping.signal, "signal", lambda *arguments: calls.append(arguments)
    )
    assert run_stoppable(lambda stopper: stopper.stop_requested.is_set()) is False
    monkeypatch.undo()
    assert calls == []
    assert signal.getsignal(number) is own
