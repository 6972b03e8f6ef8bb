"""Signals that arrive while a command works, and once its result is there."""

import signal
import threading

import pytest

from propload.cli.output import Screen
from propload.cli.signals import ignore_first_signal, raise_on_signals
from propload.process.early_signals import SIGNALS, exit_interrupted

pytestmark = pytest.mark.timeout(30)


@pytest.fixture(autouse=True, params=SIGNALS, ids=lambda one: one.name)
def number(request):
    before = {one: signal.getsignal(one) for one in SIGNALS}
    for one in SIGNALS:
        signal.signal(one, signal.SIG_DFL)
    yield request.param
    for one, handler in before.items():
        signal.signal(one, handler)


def test_signal_interrupts_a_command(number):
    with pytest.raises(KeyboardInterrupt), raise_on_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_first_signal_is_ignored_once_the_result_is_there(number):
    with raise_on_signals():
        ignore_first_signal()
        signal.raise_signal(number)
        # a second one has the system's default effect
        assert signal.getsignal(number) is signal.SIG_DFL


def test_report_is_still_shown_if_a_signal_comes_before_it(number):
    shown = []
    with raise_on_signals(), Screen().after_runs([]):
        signal.raise_signal(number)
        shown.append("the report")
    assert shown


def test_signals_are_ignored_in_the_process_of_an_ended_command(number):
    signal.signal(number, exit_interrupted)
    with raise_on_signals():
        pass
    signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_IGN


def test_handler_of_a_calling_program_is_kept(number):
    received = []
    signal.signal(number, lambda signum, _: received.append(signum))
    with raise_on_signals():
        ignore_first_signal()
        signal.raise_signal(number)
    assert received == [number]


def test_signal_handlers_are_not_changed_from_another_thread(number):
    def work():
        with raise_on_signals():
            ignore_first_signal()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert signal.getsignal(number) is signal.SIG_DFL
