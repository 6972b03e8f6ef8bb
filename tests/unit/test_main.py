"""How the process of the command line starts and ends around a command."""

import gc
import runpy
import signal
import sys

import pytest

import propload.cli
from propload import __main__ as process
from propload.process.early_signals import SIGNALS


@pytest.fixture(autouse=True)
def _restore_process(monkeypatch):
    monkeypatch.setattr(process, "hide_passwords", lambda: None)
    monkeypatch.setattr(process, "return_memory_soon", lambda: None)
    # the suite has frozen what it imported
    gc.unfreeze()
    before = {one: signal.getsignal(one) for one in SIGNALS}
    yield
    gc.freeze()
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("ending", [SystemExit(0), RuntimeError("a fault")])
def test_objects_are_exempt_from_gc_once_a_command_has_ended(monkeypatch, ending):
    def run():
        raise ending

    monkeypatch.setattr(propload.cli, "main", run)
    with pytest.raises(type(ending)):
        process.main()
    assert gc.get_freeze_count() > len(gc.get_objects())


def test_import_on_windows_fails_and_recommends_wsl(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ImportError, match=r"needs a POSIX system .* use WSL"):
        runpy.run_path(propload.__file__)
