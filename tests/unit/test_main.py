"""The process of the command line: what surrounds a command."""

import gc
import signal

import pytest

import propload.cli
from propload import __main__ as process
from propload.early_signals import SIGNALS


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(process, "hide_passwords", lambda: None)
    before = {one: signal.getsignal(one) for one in SIGNALS}
    yield
    gc.unfreeze()
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("ending", [SystemExit(0), RuntimeError("a fault")])
def test_the_interpreter_has_nothing_to_look_through_once_a_command_has_ended(
    monkeypatch, ending
):
    def run():
        raise ending

    monkeypatch.setattr(propload.cli, "main", run)
    with pytest.raises(type(ending)):
        process.main()
    assert gc.get_freeze_count() > len(gc.get_objects())
