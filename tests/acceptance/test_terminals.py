"""What a program writes to a real terminal, and to a stream that knows few letters."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(30)


def test_a_real_terminal_is_left_clean():
    """The lines are gone after the run and the cursor is back."""
    code = (
        "import threading\n"
        "from propload.display import watch\n"
        "from propload.monitoring.metrics import Fill, Metrics\n"
        "metrics, drawn = Metrics(), threading.Event()\n"
        "metrics.observe_fill(lambda: drawn.set() or Fill())\n"
        "with watch(metrics):\n"
        "    assert drawn.wait(20)\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    with os.fdopen(theirs, "wb", closefd=False) as terminal:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            stderr=terminal,
            stdout=subprocess.PIPE,
            check=True,
            env=environment,
            timeout=25,
        )
    written = os.read(ours, 1 << 16).decode()
    os.close(ours)
    os.close(theirs)
    assert ended.stdout == b""
    assert "rows read" in written
    assert written.rindex("\x1b[?25h") > written.rindex("rows read")


@pytest.mark.parametrize("said", ["a → b, é, 😀", "caf\udce9.csv"])
def test_what_stdout_cannot_print_is_escaped_and_stays_json(tmp_path, said):
    out = tmp_path / "out"
    code = (
        "import sys; from propload.cli.streams import escape_unprintable;"
        "from propload.cli.output import Screen; escape_unprintable();"
        f"Screen(as_json=True).show_values({said!a})"
    )
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with out.open("wb") as file:
        subprocess.run([sys.executable, "-c", code], env=env, stdout=file, check=True)
    assert json.loads(out.read_text("ascii")) == said


@pytest.mark.parametrize("columns", ["0", "7"])
def test_an_error_is_told_where_lines_would_hold_no_word(columns):
    ended = subprocess.run(
        [sys.executable, "-m", "propload", "injest"],
        env={**os.environ, "COLUMNS": columns},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "No such command 'injest'" in ended.stderr


@pytest.mark.parametrize("umask", [0o777, 0o277, 0o022])
def test_what_a_command_makes_is_open_to_its_owner_alone(umask, tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")
    nowhere = ("--to", "postgresql://u@127.0.0.1:1/x", "--table", "t", "--key", "id")
    ended = subprocess.run(
        [sys.executable, "-m", "propload", "ingest", "a.csv", *nowhere],
        env={**os.environ, "PROPLOAD_STATE_DIR": str(tmp_path / "deep" / "state")},
        umask=umask,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 1
    made = {one.stat().st_mode & 0o777 for one in tmp_path.glob("deep/**/")}
    assert made == {0o700}


@pytest.mark.parametrize("words", ["--help", "--version", "db --help"])
def test_a_reader_that_has_read_enough_is_no_failure(words, tmp_path):
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "propload", *words.split()],
            env={**os.environ, "PROPLOAD_STATE_DIR": str(tmp_path)},
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.fixture
def into_full(tmp_path):
    """Run a command whose streams lead to a disk that is full, as the shell is told."""
    env = {**os.environ, "PROPLOAD_CONFIG": ""}

    def call(words, streams):
        line = f'exec "$0" -m propload {words} {streams}'
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
    ("words", "code"),
    [
        ("ingest none.csv --table t --key id", 4),
        ("ingest none.csv --table t --key id --json", 4),
        ("ingest --nonsense", 2),
        ("ingest --nonsense --json", 2),
        ("recover -v", 0),
    ],
)
def test_a_full_disk_below_the_streams_keeps_the_exit_code(
    words, streams, code, into_full, monkeypatch
):
    # nothing is asked for what is left: recover says so on stderr
    monkeypatch.setenv("PROPLOAD_TO", "host=127.0.0.1 port=1")
    assert into_full(words, streams).returncode == code


@pytest.mark.parametrize(
    "words", ["--help", "--version", "", "db -h", "runs list --json"]
)
def test_output_that_finds_no_room_is_told_in_a_sentence(words, into_full):
    ended = into_full(words, ">/dev/full")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "cannot be written to stdout: No space left on device" in ended.stderr
