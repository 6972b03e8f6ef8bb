"""What a signal does to the command line before it is there, and when it has ended.

Its modules take a while to be imported. A signal that comes meanwhile would end the
process without a word, or by a traceback: nothing has begun that it could break off.
One that comes when all is told would make a failure of what went well. So this module
is imported first, and imports next to nothing.
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

#: What ends a command: Ctrl-C, a service manager, a terminal that is closed.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: 128 and the number of SIGINT, as shells report it.
INTERRUPTED = 130
#: How a line on stderr says when it was: a log of cron holds many days.
MOMENT = "%Y-%m-%d %H:%M:%S%z"

#: What Python has set; what is ignored stays so.
PYTHONS = (signal.SIG_DFL, signal.default_int_handler)
_LABEL = "propload:"
#: As `Screen` writes it, whose module is not there yet.
_RED = f"\x1b[31m\x1b[1m{_LABEL}\x1b[0m"
_AS_JSON = f"""{{
  "status": "interrupted",
  "message": "interrupted",
  "exit_code": {INTERRUPTED}
}}
"""


def handle_signals() -> None:
    """Let a signal end the process at once, with a message."""
    for number in SIGNALS:
        if signal.getsignal(number) in PYTHONS:
            signal.signal(number, exit_interrupted)


def ignore_signals() -> None:
    """Let no signal change how the process ends: it has told its result."""
    for number in SIGNALS:
        if signal.getsignal(number) is exit_interrupted:
            # not even to the interpreter's last step, where it puts handlers away
            signal.signal(number, signal.SIG_IGN)


def exit_interrupted(_number: int, _frame: FrameType | None) -> None:
    """End the process at once, and say that it was interrupted."""
    # streams may be in use by the step that the signal came between
    if sys.stdout is not None and "--json" in sys.argv:
        _write(1, _AS_JSON)
    if sys.stderr is not None:
        label = _RED if os.isatty(2) else f"{time.strftime(MOMENT)} {_LABEL}"
        _write(2, f"{label} interrupted\n")
    os._exit(INTERRUPTED)


def _write(descriptor: int, text: str) -> None:
    with suppress(OSError):
        os.write(descriptor, text.encode())
