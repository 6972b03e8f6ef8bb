"""What SIGINT does, as Python was told: Polars puts a handler before that.

Importing Polars makes the system call Polars first, also where SIGINT is ignored, and
what any thread then computes ends with a KeyboardInterrupt. Polars does it once.
"""

from __future__ import annotations

import signal
import sys
import threading
from functools import cache


def leave_to_python() -> None:
    """Let SIGINT do what Python says of it: stay ignored, or call its handler alone.

    A handler that was not set from Python could not be put back, and is left alone.
    """
    # what only lists files has no use for Polars
    if "polars" in sys.modules:
        _put_back()


@cache
def _put_back() -> None:
    handler = signal.getsignal(signal.SIGINT)
    if handler is None:
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)
    else:
        _put_back_in_any_thread(handler)


def _put_back_in_any_thread(handler: object) -> None:
    """Tell the system itself: `signal.signal` is for the main thread only."""
    import ctypes  # noqa: PLC0415 - for this rare case

    python = ctypes.pythonapi
    known = {signal.SIG_DFL: 0, signal.SIG_IGN: 1}
    # Python's own entry, which lets the main thread call the handler that is set
    entry = ctypes.cast(python.PyErr_SetInterruptEx, ctypes.c_void_p).value
    address = known[handler] if isinstance(handler, signal.Handlers) else entry
    python.PyOS_setsig(ctypes.c_int(signal.SIGINT), ctypes.c_void_p(address))
