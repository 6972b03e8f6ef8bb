"""The three standard streams, of which cron or a shell (`>&-`) may have closed some."""

from __future__ import annotations

import os
import sys

_STDERR = 2


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
