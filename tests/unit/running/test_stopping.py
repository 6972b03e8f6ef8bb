"""Which signals stop a load, and whose handlers are left alone."""

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
def _often(monkeypatch):
    """Listen often: a signal that is raised in another thread is heard at once."""
    monkeypatch.setattr(stopping, "LISTEN_SECONDS", 0.01)


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request):
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


def test_a_signal_that_is_ignored_stays_so(number):
    signal.signal(number, signal.SIG_IGN)

    assert run_stoppable(lambda _: signal.getsignal(number)) == signal.SIG_IGN
    assert signal.getsignal(number) == signal.SIG_IGN


def load_that_hears(number, *, ended=None):
    """Return a load during which a signal comes, and which ends when it is told to."""

    def load(stopper):
        told = threading.Event()
        stopper.stop = told.set
        signal.raise_signal(number)
        assert told.wait(20)
        if ended is not None:
            ended.set()
        return "the report"

    return load


def test_the_handler_that_was_there_is_put_back_and_told_after_the_end(number):
    heard, ended = [], threading.Event()

    def hear(told, frame):
        here = threading.current_thread() is threading.main_thread()
        heard.append((told, frame is not None, ended.is_set(), here))

    signal.signal(number, hear)
    assert run_stoppable(load_that_hears(number, ended=ended)) == "the report"
    assert signal.getsignal(number) is hear
    assert heard == [(number, True, True, True)]
    signal.raise_signal(number)
    assert len(heard) == 2


def test_what_a_programs_handler_raises_ends_the_call(number):
    def end(told, _frame):
        raise SystemExit(128 + told)

    signal.signal(number, end)
    with pytest.raises(SystemExit) as caught:
        run_stoppable(load_that_hears(number))
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) is end


def test_a_handler_is_told_of_a_second_signal_as_well(number):
    heard = []
    signal.signal(number, lambda told, _: heard.append(told))

    def load(stopper):
        aborted = threading.Event()
        # the second one comes when the first was heard
        stopper.stop = lambda: signal.raise_signal(number)
        stopper.abort = lambda _: aborted.set()
        signal.raise_signal(number)
        assert aborted.wait(20)

    with pytest.raises(KeyboardInterrupt):
        run_stoppable(load)
    assert heard == [number, number]


def interrupted_at(step, wait):
    """Call `wait` and interrupt it at a step, as the handler of a signal does."""
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
def test_an_interrupt_between_any_two_steps_of_a_wait_is_an_interrupt(is_over):
    for step in itertools.count():
        ended = Latch()
        if is_over:
            ended.set()
        was_interrupted = interrupted_at(step, partial(ended.wait, 0))
        assert ended.wait(0) == is_over
        if not was_interrupted:
            break
    assert step > 1


def test_a_second_signal_tells_what_ended_the_load(number):
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


def test_a_signal_while_handlers_are_put_back_breaks_nothing_off(number, monkeypatch):
    heard = []
    signal.signal(number, lambda told, _: heard.append(told))
    before = [signal.getsignal(one) for one in stopping.SIGNALS]
    put_back = signal.signal

    def put_back_late(one, handler):
        if handler in before:
            monkeypatch.undo()
            signal.raise_signal(number)
        return put_back(one, handler)

    def load(stopper):
        load_that_hears(number)(stopper)
        monkeypatch.setattr(stopping.signal, "signal", put_back_late)
        return "the report"

    assert run_stoppable(load) == "the report"
    assert [signal.getsignal(one) for one in stopping.SIGNALS] == before
    assert heard == [number, number]


def test_a_load_that_ended_at_once_leaves_no_thread_behind():
    ended, go_on = threading.Event(), threading.Event()

    def abort(_error):
        ended.set()
        # as in a driver's call that breaks off what has ended meanwhile
        go_on.wait(20)

    def wait(seconds):
        threading.Timer(0.05, go_on.set).start()
        return ended.wait(seconds)

    stopping.end_at_once(abort, KeyboardInterrupt(), wait)
    left = [thread.name for thread in threading.enumerate()]
    assert "propload-abort" not in left


def test_a_handler_is_told_where_the_load_failed(number):
    heard = []
    signal.signal(number, lambda told, _: heard.append(told))

    def fail(stopper):
        load_that_hears(number)(stopper)
        msg = "the server is gone"
        raise OSError(msg)

    with pytest.raises(OSError, match="the server is gone"):
        run_stoppable(fail)
    assert heard == [number]


def test_a_handler_is_told_of_nothing_where_no_signal_came(number):
    heard = []
    signal.signal(number, lambda told, _: heard.append(told))
    assert run_stoppable(lambda _: 7) == 7
    assert heard == []


def test_pythons_own_handler_is_not_called_after_a_clean_end():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # as in a notebook: the cell shows the report
        assert run_stoppable(load_that_hears(signal.SIGINT)) == "the report"
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_command_line_ends_by_its_report_and_not_by_its_handler():
    with raise_on_signals():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert run_stoppable(load_that_hears(signal.SIGTERM)) == "the report"


def test_a_handler_that_was_not_set_from_python_is_left_alone(number, monkeypatch):
    own = signal.getsignal(number)
    # as in a program that has Python within it: there is nothing to be put back
    monkeypatch.setattr(stopping.signal, "getsignal", lambda _: None)
    set_now = []
    monkeypatch.setattr(stopping.signal, "signal", lambda *told: set_now.append(told))
    assert run_stoppable(lambda stopper: stopper.stop_requested.is_set()) is False
    monkeypatch.undo()
    assert set_now == []
    assert signal.getsignal(number) is own
