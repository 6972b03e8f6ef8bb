"""Output to a real terminal, and to streams with few characters or no room."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(30)


def test_real_terminal_is_left_clean():
    """The progress lines are gone after the run, and the cursor is visible again."""
    code = (
        "import threading\n"
        "from propload.display import watch\n"
        "from propload.monitoring.metrics import Fill, Metrics\n"
        "metrics, drawn = Metrics(), threading.Event()\n"
        "metrics.observe_fill(lambda: drawn.set() or Fill())\n"
        "with watch(metrics):\n"
        "    assert drawn.wait(20)\n"
    )
    reading_end, terminal_end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    with os.fdopen(terminal_end, "wb", closefd=False) as terminal:
        completed = subprocess.run(
            [sys.executable, "-c", code],
            stderr=terminal,
            stdout=subprocess.PIPE,
            check=True,
            env=environment,
            timeout=25,
        )
    written = os.read(reading_end, 1 << 16).decode()
    os.close(reading_end)
    os.close(terminal_end)
    assert completed.stdout == b""
    assert "rows read" in written
    assert written.rindex("\x1b[?25h") > written.rindex("rows read")


@pytest.mark.parametrize("value", ["a → b, é, 😀", "caf\udce9.csv"])
def test_characters_that_stdout_cannot_encode_are_escaped_in_json(tmp_path, value):
    out = tmp_path / "out"
    code = (
        "import sys; from propload.cli.streams import escape_unprintable;"
        "from propload.cli.output import Screen; escape_unprintable();"
        f"Screen(as_json=True).show_values({value!a})"
    )
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with out.open("wb") as file:
        subprocess.run([sys.executable, "-c", code], env=env, stdout=file, check=True)
    assert json.loads(out.read_text("ascii")) == value


@pytest.mark.parametrize("columns", ["0", "7"])
def test_error_is_printed_even_if_no_word_fits_into_a_line(columns):
    completed = subprocess.run(
        [sys.executable, "-m", "propload", "injest"],
        env={**os.environ, "COLUMNS": columns},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 2
    assert "No such command 'injest'" in completed.stderr


@pytest.mark.parametrize("umask", [0o777, 0o277, 0o022])
def test_folders_that_a_command_creates_are_private_to_their_owner(umask, tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")
    nowhere = ("--to", "postgresql://u@127.0.0.1:1/x", "--table", "t", "--key", "id")
    completed = subprocess.run(
        [sys.executable, "-m", "propload", "ingest", "a.csv", *nowhere],
        env={**os.environ, "PROPLOAD_STATE_DIR": str(tmp_path / "deep" / "state")},
        umask=umask,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert completed.returncode == 1
    modes = {one.stat().st_mode & 0o777 for one in tmp_path.glob("deep/**/")}
    assert modes == {0o700}


@pytest.mark.parametrize("arguments", ["--help", "--version", "db --help"])
def test_stdout_without_a_reader_is_no_failure(arguments, tmp_path):
    read, write = os.pipe()
    os.close(read)
    try:
        completed = subprocess.run(
            [sys.executable, "-m", "propload", *arguments.split()],
            env={**os.environ, "PROPLOAD_STATE_DIR": str(tmp_path)},
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write)
    assert (completed.returncode, completed.stderr) == (0, b"")


@pytest.fixture
def run_redirected(tmp_path):
    """Return a function that runs a command with redirections of the shell."""
    env = {**os.environ, "PROPLOAD_CONFIG": ""}

    def call(arguments, streams):
        line = f'exec "$0" -m propload {arguments} {streams}'
        return subprocess.run(
            ["sh", "-c", line, sys.executable],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.mark.parametrize("streams", ["2>/dev/full", ">/dev/full 2>/dev/full"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("ingest none.csv --table t --key id", 4),
        ("ingest none.csv --table t --key id --json", 4),
        ("ingest --nonsense", 2),
        ("ingest --nonsense --json", 2),
        ("recover -v", 0),
    ],
)
def test_full_disk_behind_the_streams_keeps_the_exit_code(
    arguments, streams, code, run_redirected, monkeypatch
):
    # `recover` finds nothing left, so asks no server, and says so on stderr
    monkeypatch.setenv("PROPLOAD_TO", "host=127.0.0.1 port=1")
    assert run_redirected(arguments, streams).returncode == code


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "", "db -h", "runs list --json"]
)
def test_output_that_finds_no_room_is_reported_in_one_line(arguments, run_redirected):
    completed = run_redirected(arguments, ">/dev/full")
    assert completed.returncode == 1
    assert completed.stderr.count("\n") == 1
    assert "cannot be written to stdout: No space left on device" in completed.stderr
