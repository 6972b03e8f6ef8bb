"""Signals that arrive before a command begins, or after it has printed its result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(60)

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
#: Code that Python runs as it starts, with which a process signals itself.
SIGNAL_ITSELF = """
import atexit, os, signal, sys

def strike():
    os.kill(os.getpid(), int(os.environ["NUMBER"]))

class Last:
    "Strikes when the interpreter has put its own handlers away."

    def __del__(self, strike=strike):
        strike()
"""
EARLY = """
class Finder:
    def find_spec(self, name, *_):
        if name == os.environ["MODULE"]:
            strike()

sys.meta_path.insert(0, Finder())
"""
#: Signals at the first step of the interpreter's shutdown, and at one of the last.
LATE = """
atexit.register(strike)
sys.last = Last()
"""
#: A module that is imported first, and one imported once the command is known.
IMPORTED = ["typer", "propload.cli.runs"]
LIST = ("runs", "list", "--json")


@pytest.fixture
def run(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SIGNAL_ITSELF)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"

    def run(*arguments, when, number, module="", ignoring=()):
        (tmp_path / "sitecustomize.py").write_text(SIGNAL_ITSELF + when)
        variables = {"PYTHONPATH": path, "NUMBER": str(int(number)), "MODULE": module}
        variables["PROPLOAD_STATE_DIR"] = str(tmp_path / "state")

        def set_handlers():
            for one in SIGNALS:
                signal.signal(one, signal.SIG_DFL)
            for one in ignoring:
                signal.signal(one, signal.SIG_IGN)

        return subprocess.run(
            [sys.executable, "-m", "propload", *arguments],
            env={**os.environ, **variables},
            preexec_fn=set_handlers,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", IMPORTED)
def test_signal_during_start_up_ends_the_command_with_one_line(run, module, number):
    completed = run("runs", "list", when=EARLY, module=module, number=number)
    assert (completed.returncode, completed.stdout) == (130, "")
    (line,) = completed.stderr.splitlines()
    assert line.endswith(" propload: interrupted")


def test_signal_during_start_up_is_reported_as_json(run):
    completed = run(*LIST, when=EARLY, module="typer", number=signal.SIGTERM)
    assert completed.returncode == 130
    assert json.loads(completed.stdout) == {
        "status": "interrupted",
        "message": "interrupted",
        "exit_code": 130,
    }


def test_ignored_signal_stays_ignored_during_start_up(run):
    number = signal.SIGHUP
    options = {"module": "typer", "number": number, "ignoring": [number]}
    completed = run(*LIST, when=EARLY, **options)
    assert (completed.returncode, completed.stderr) == (0, "")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("arguments", [LIST, ("--help",)])
def test_signal_after_the_result_changes_nothing(run, arguments, number):
    completed = run(*arguments, when=LATE, number=number)
    assert (completed.returncode, completed.stderr) == (0, "")
    assert completed.stdout


def test_signal_after_a_failure_keeps_its_exit_code(run):
    completed = run("runs", "show", "none", when=LATE, number=signal.SIGTERM)
    assert completed.returncode == 2, completed.stderr
