"""Handles signals while the command line is being imported, and after it has ended.

Importing it takes a while. A signal in that time would end the process silently or with
a traceback; nothing has begun yet that it could interrupt. A signal after the result
was reported would turn a success into a failure. So this module is imported first, and
imports next to nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

#: Signals that end a command: by Ctrl-C, a service manager, a terminal that closes.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Exit code: 128 plus the number of SIGINT, as shells report it.
INTERRUPTED = 130
#: Format of the time before lines on stderr, because a log of cron spans many days.
MOMENT = "%Y-%m-%d %H:%M:%S%z"

#: Handlers that Python itself sets; only these are replaced: ignored signals stay so.
PYTHONS = (signal.SIG_DFL, signal.default_int_handler)
_LABEL = "propload:"
#: The label as `Screen` writes it, whose module is not imported yet.
_RED = f"\x1b[31m\x1b[1m{_LABEL}\x1b[0m"
_AS_JSON = f"""{{
  "status": "interrupted",
  "message": "interrupted",
  "exit_code": {INTERRUPTED}
}}
"""


def handle_signals() -> None:
    """Make signals end the process immediately, with a message."""
    for number in SIGNALS:
        if signal.getsignal(number) in PYTHONS:
            signal.signal(number, exit_interrupted)


def ignore_signals() -> None:
    """Ignore signals from now on: the result was reported, and must not change."""
    for number in SIGNALS:
        if signal.getsignal(number) is exit_interrupted:
            # also in the interpreter's last step, in which it removes Python handlers
            signal.signal(number, signal.SIG_IGN)


def exit_interrupted(_number: int, _frame: FrameType | None) -> None:
    """Report that the process was interrupted, and end it immediately."""
    # write to descriptors, because the signal may have interrupted a write to a stream
    if sys.stdout is not None and "--json" in sys.argv:
        _write(1, _AS_JSON)
    if sys.stderr is not None:
        label = _RED if os.isatty(2) else f"{time.strftime(MOMENT)} {_LABEL}"
        _write(2, f"{label} interrupted\n")
    os._exit(INTERRUPTED)


def _write(descriptor: int, text: str) -> None:
    with suppress(OSError):
        os.write(descriptor, text.encode())
