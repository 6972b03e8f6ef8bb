"""Signals that come before a command begins, or after it has told its result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(60)

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
#: What Python runs as it starts: it has signals come to its own process.
ITSELF = """
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
#: At the first of the interpreter's last steps, and at one of its last.
LATE = """
atexit.register(strike)
sys.last = Last()
"""
#: What is imported first, and when the command is known.
IMPORTED = ["typer", "propload.cli.runs"]
LIST = ("runs", "list", "--json")


@pytest.fixture
def run(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(ITSELF)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"

    def run(*words, when, number, module="", ignoring=()):
        (tmp_path / "sitecustomize.py").write_text(ITSELF + when)
        told = {"PYTHONPATH": path, "NUMBER": str(int(number)), "MODULE": module}
        told["PROPLOAD_STATE_DIR"] = str(tmp_path / "state")

        def begin():
            for one in SIGNALS:
                signal.signal(one, signal.SIG_DFL)
            for one in ignoring:
                signal.signal(one, signal.SIG_IGN)

        return subprocess.run(
            [sys.executable, "-m", "propload", *words],
            env={**os.environ, **told},
            preexec_fn=begin,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", IMPORTED)
def test_a_signal_while_a_command_is_loaded_ends_it_with_a_word(run, module, number):
    ended = run("runs", "list", when=EARLY, module=module, number=number)
    assert (ended.returncode, ended.stdout) == (130, "")
    (line,) = ended.stderr.splitlines()
    assert line.endswith(" propload: interrupted")


def test_json_is_told_of_it_as_later_on(run):
    ended = run(*LIST, when=EARLY, module="typer", number=signal.SIGTERM)
    assert ended.returncode == 130
    assert json.loads(ended.stdout) == {
        "status": "interrupted",
        "message": "interrupted",
        "exit_code": 130,
    }


def test_a_signal_that_is_ignored_stays_so(run):
    number = signal.SIGHUP
    told = {"module": "typer", "number": number, "ignoring": [number]}
    ended = run(*LIST, when=EARLY, **told)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("words", [LIST, ("--help",)])
def test_a_signal_after_the_result_changes_nothing(run, words, number):
    ended = run(*words, when=LATE, number=number)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout


def test_a_failure_keeps_its_code_too(run):
    ended = run("runs", "show", "none", when=LATE, number=signal.SIGTERM)
    assert ended.returncode == 2, ended.stderr
