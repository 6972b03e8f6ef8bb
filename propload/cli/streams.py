"""The three standard streams, as cron or a shell (`>&-`, `LC_ALL=C`) may leave them."""

from __future__ import annotations

import codecs
import json
import os
import sys

_STDERR = 2
#: The name under which Python knows how such letters are written.
_ESCAPED = "propload.escaped"


def open_closed_streams() -> None:
    """Let streams that were closed lead to nothing.

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
