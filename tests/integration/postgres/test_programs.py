"""Programs of the server run to their end, or leave no process behind."""

import sys

import psutil
import pytest

from propload.postgres.server.programs import run_program

#: Writes the process id of its child and waits forever, as the child does.
SLOW = """
import pathlib, subprocess, sys
waits = [sys.executable, "-c", "import threading; threading.Event().wait()"]
child = subprocess.Popen(waits)
place = pathlib.Path(sys.argv[1])
place.with_suffix(".new").write_text(str(child.pid))
place.with_suffix(".new").rename(place)
child.wait()
"""
WAITS = [sys.executable, "-c", "import threading; threading.Event().wait()"]
ECHO = "import sys; print(sys.stdin.read().upper()); sys.exit(3)"

pytestmark = pytest.mark.timeout(60)


def test_program_gets_all_its_input_and_all_its_output_is_returned(monkeypatch):
    # it is polled before it has started, and its input exceeds a pipe's buffer
    monkeypatch.setattr("propload.postgres.server.programs.POLL_SECONDS", 0.001)
    ended = run_program(
        [sys.executable, "-c", ECHO], account=None, stdin_text="a" * 100_000
    )
    assert ended == (3, "A" * 100_000 + "\n")


def test_stopped_program_takes_its_children_with_it(tmp_path):
    pid_file = tmp_path / "child"
    with pytest.raises(KeyboardInterrupt):
        run_program(
            [sys.executable, "-c", SLOW, str(pid_file)],
            account=None,
            should_stop=pid_file.exists,
        )
    assert has_ended(int(pid_file.read_text()))


def has_ended(pid):
    """Return whether a process ends; an orphan may remain as a zombie."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or process.wait(30) is None
    except psutil.NoSuchProcess:
        return True


def test_interrupt_while_waiting_ends_the_program():
    ended = []

    def end(process):
        process.kill()
        ended.append(process)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_program(WAITS, account=None, should_stop=interrupt, end=end)
    assert ended[0].returncode is not None
