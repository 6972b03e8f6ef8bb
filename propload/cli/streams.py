"""The three standard streams, as cron or a shell (`>&-`, `LC_ALL=C`) may leave them."""

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
#: Columns that a word and the frame around it need.
_NARROWEST = 20
#: The name under which Python knows how such letters are written.
_ESCAPED = "propload.escaped"


def open_closed_streams() -> None:
    """Connect streams that were closed to the null device.

    Else the next file or connection would get a closed stream's number, and what
    some library prints would go into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        # the processes that this one starts need streams as well
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - its signature
    os.close(descriptor)
    for name, number, mode in (
        ("stdin", 0, "r"),
        ("stdout", 1, "w"),
        ("stderr", 2, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def forget_too_narrow_lines() -> None:
    """Give help and errors their usual width where `COLUMNS` is too small for a word.

    Programs that start others without a terminal tell them of 0 `COLUMNS`: nothing at
    all would be printed.
    """
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) < _NARROWEST:
        del os.environ["COLUMNS"]


def let_stderr_fail() -> None:
    """Let what stderr does not take be lost: a full disk must not end a load.

    A stream that somebody else has put there, as tests do, is left alone.
    """
    own = sys.__stderr__
    if own is None or sys.stderr is not own:
        return
    raw = io.BufferedWriter(_Forgiving(_STDERR, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(
        raw, encoding=own.encoding, errors=own.errors, line_buffering=True
    )


class _Forgiving(io.FileIO):
    """A file that takes everything, whether its disk or reader does or not."""

    def write(self, data: Buffer, /) -> int:
        """Return how much was written: all of it, where it is lost as well."""
        size = memoryview(data).nbytes
        try:
            # nothing at once, of a pipe that is full and makes nobody wait, is lost too
            return super().write(data) or size
        except OSError:
            return size


@contextmanager
def patient_stdout() -> Iterator[None]:
    """Let a reader such as `head` go away early: what it did not want is dropped.

    Raises:
        OutputError: Stdout does not take what is printed.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:
            # of a file that was to be opened
            raise
        # the interpreter flushes once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            msg = (
                f"the result cannot be written to stdout: {error.strerror}. Make room, "
                "or send it elsewhere"
            )
            raise OutputError(msg) from error


def escape_what_cannot_be_printed() -> None:
    r"""Let stdout take any text: what its encoding lacks is written as `\u2192`.

    A run that was loaded must not fail because its report has an arrow or a file's
    name has bytes that are no text. JSON stays JSON.
    """
    codecs.register_error(_ESCAPED, _escape)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ESCAPED)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
