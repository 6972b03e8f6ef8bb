"""Run the server's own programs until they end or are interrupted."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Returns whether to stop waiting.
StopCheck: TypeAlias = Callable[[], bool]
_Process: TypeAlias = "subprocess.Popen[str]"

#: Seconds between two checks of what is waited for.
POLL_SECONDS = 0.05


def never_stop() -> bool:
    """Return False: nothing stops the wait."""
    return False


def pause(should_stop: StopCheck, /) -> None:
    """Sleep for `POLL_SECONDS`, unless the wait is to stop.

    Raises:
        KeyboardInterrupt: `should_stop` returned True.
    """
    if should_stop():
        msg = "stopped while the embedded database was being prepared"
        raise KeyboardInterrupt(msg)
    time.sleep(POLL_SECONDS)


def kill(process: _Process, /) -> None:
    """Kill a program and its process group, and wait for its end."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_program(
    command: Sequence[str],
    /,
    *,
    account: str | None,
    stdin_text: str = "",
    should_stop: StopCheck = never_stop,
    end: Callable[[_Process], None] = kill,
) -> tuple[int, str]:
    """Run a program; return its exit code and its output.

    Args:
        command: The program and its arguments.
        account: The system user that runs it, or None for the current one.
        stdin_text: Its standard input.
        should_stop: Returns whether to end it early.
        end: Ends it early; also called if it is interrupted by an exception.

    Raises:
        KeyboardInterrupt: `should_stop` returned True.
    """
    entry = pwd.getpwnam(account) if account else None
    with (
        _open_stdin(stdin_text) as stdin,
        subprocess.Popen(  # noqa: S603 - the package's own programs
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd="/",
            # a PGPORT or PGOPTIONS meant for clients must not reach the server
            env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
            # Ctrl-C at the terminal is for propload, not for the server
            start_new_session=True,
            umask=0o077,
            user=entry.pw_uid if entry else None,
            group=entry.pw_gid if entry else None,
            extra_groups=[] if entry else None,
        ) as process,
    ):
        try:
            return _wait_for_output(process, should_stop)
        except BaseException:
            end(process)
            raise


@contextmanager
def _open_stdin(text: str) -> Iterator[IO[bytes] | int]:
    """Yield a standard input from which a program reads a text."""
    if not text:
        yield subprocess.DEVNULL
        return
    # a file, as communicate() does not go on writing to a pipe after a timeout
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file


def _wait_for_output(process: _Process, should_stop: StopCheck) -> tuple[int, str]:
    while True:
        try:
            output, _ = process.communicate(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pause(should_stop)
        else:
            return process.returncode, output
