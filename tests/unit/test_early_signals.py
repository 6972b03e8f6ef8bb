"""Which signals are heard before the command line is there."""

import signal

import pytest

from propload.early_signals import SIGNALS, end_with_a_word, listen, listen_no_more


@pytest.fixture(autouse=True)
def _as_before():
    before = {one: signal.getsignal(one) for one in SIGNALS}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def handlers():
    return [signal.getsignal(one) for one in SIGNALS]


def test_what_python_has_set_is_heard_and_then_ignored():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    listen()
    assert handlers() == [end_with_a_word] * 3
    listen_no_more()
    assert handlers() == [signal.SIG_IGN] * 3


def test_what_is_ignored_or_anothers_stays():
    def own(*_):
        pass

    before = [own, signal.SIG_IGN, own]
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)
    listen()
    assert handlers() == before
    listen_no_more()
    assert handlers() == before
