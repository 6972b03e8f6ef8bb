"""Which signals are handled before the command line is loaded."""

import signal

import pytest

from propload.process.early_signals import (
    SIGNALS,
    exit_interrupted,
    handle_signals,
    ignore_signals,
)


@pytest.fixture(autouse=True)
def _restored_handlers():
    before = {one: signal.getsignal(one) for one in SIGNALS}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def handlers():
    return [signal.getsignal(one) for one in SIGNALS]


def test_default_handlers_are_replaced_and_later_ignored():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    handle_signals()
    assert handlers() == [exit_interrupted] * 3
    ignore_signals()
    assert handlers() == [signal.SIG_IGN] * 3


def test_ignored_signals_and_foreign_handlers_are_kept():
    def own(*_):
        pass

    before = [own, signal.SIG_IGN, own]
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)
    handle_signals()
    assert handlers() == before
    ignore_signals()
    assert handlers() == before
