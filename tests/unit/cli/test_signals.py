"""Signals that come while a command works, and when its result is there."""

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


def test_a_signal_ends_a_command(number):
    with pytest.raises(KeyboardInterrupt), raise_on_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_the_first_signal_passes_when_the_result_is_there(number):
    with raise_on_signals():
        ignore_first_signal()
        signal.raise_signal(number)
        # a second one is the system's
        assert signal.getsignal(number) is signal.SIG_DFL


def test_a_report_is_shown_though_a_signal_comes_before_it(number):
    shown = []
    with raise_on_signals(), Screen().after_runs([]):
        signal.raise_signal(number)
        shown.append("the report")
    assert shown


def test_a_command_that_has_ended_hears_nothing_in_its_own_process(number):
    signal.signal(number, exit_interrupted)
    with raise_on_signals():
        pass
    signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_IGN


def test_a_handler_of_the_programs_own_stays(number):
    heard = []
    signal.signal(number, lambda told, _: heard.append(told))
    with raise_on_signals():
        ignore_first_signal()
        signal.raise_signal(number)
    assert heard == [number]


def test_another_thread_has_no_say(number):
    def work():
        with raise_on_signals():
            ignore_first_signal()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert signal.getsignal(number) is signal.SIG_DFL
