"""Make stdin, stdout and stderr usable however cron or a shell has set them up.

A shell may close them (`>&-`) or limit them to ASCII (`LC_ALL=C`).
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from propload.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

_STDERR = 2
#: The smallest width, in columns, that holds a word and the frame around it.
_NARROWEST = 20
#: The name of our error handler for characters that stdout cannot encode.
_ESCAPED = "propload.escaped"


def open_closed_streams() -> None:
    """Connect standard streams that were closed to the null device.

    Otherwise the next file or connection would get the descriptor of a closed stream,
    and whatever a library prints would be written into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        # child processes need the streams as well
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - its signature
    os.close(descriptor)
    for name, number, mode in (
        ("stdin", 0, "r"),
        ("stdout", 1, "w"),
        ("stderr", 2, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def unset_narrow_columns() -> None:
    """Unset `COLUMNS` if it is too small for a word, so that the usual width is used.

    Some programs start others without a terminal and with `COLUMNS=0`, at which help
    and errors would print nothing at all.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) < _NARROWEST:
        del os.environ["COLUMNS"]


def ignore_stderr_errors() -> None:
    """Ignore errors in writing to stderr: a full disk must not end a load.

    If `sys.stderr` was replaced, as tests do, it is left alone.
    """
    own = sys.__stderr__
    if own is None or sys.stderr is not own:
        return
    raw = io.BufferedWriter(_BestEffortFile(_STDERR, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(
        raw, encoding=own.encoding, errors=own.errors, line_buffering=True
    )


class _BestEffortFile(io.FileIO):
    """A file whose writes always succeed: what cannot be written is discarded."""

    def write(self, data: Buffer, /) -> int:
        """Return the number of bytes written; if they are discarded, all of them."""
        size = memoryview(data).nbytes
        try:
            # a full non-blocking pipe returns None: those bytes are discarded too
            return super().write(data) or size
        except OSError:
            return size


@contextmanager
def tolerate_closed_stdout() -> Iterator[None]:
    """Let a reader such as `head` close stdout early: the rest is discarded.

    Raises:
        OutputError: Stdout cannot be written for another reason.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:
            # it comes from opening a file, not from stdout
            raise
        # the interpreter flushes stdout again at exit, which must not fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            msg = (
                f"the result cannot be written to stdout: {error.strerror}. Make room, "
                "or send it elsewhere"
            )
            raise OutputError(msg) from error


def escape_unprintable() -> None:
    r"""Write characters that stdout's encoding lacks as escapes such as `\u2192`.

    A run that has loaded its rows must not fail because its report contains an arrow,
    or a file name with bytes that are not text. JSON stays valid JSON.
    """
    codecs.register_error(_ESCAPED, _escape)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ESCAPED)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
