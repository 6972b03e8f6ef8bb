"""Restores Python's handling of SIGINT, which importing Polars replaces.

Importing Polars installs its own handler in the system, even if SIGINT is ignored: what
any thread then computes ends with a KeyboardInterrupt. Polars installs it only once.
"""

from __future__ import annotations

import signal
import sys
import threading
from functools import cache


def leave_to_python() -> None:
    """Make SIGINT do what Python has set: be ignored, or call only Python's handler.

    A handler that was not set from Python could not be restored, so it is left alone.
    """
    # commands that do not need Polars must not import it for this
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
    """Set the handler in C, because `signal.signal` works only in the main thread."""
    import ctypes  # noqa: PLC0415 - rarely needed

    api = ctypes.pythonapi
    handlers = {signal.SIG_DFL: 0, signal.SIG_IGN: 1}
    # a C function of Python that makes the main thread call the handler that is set
    set_interrupt = ctypes.cast(api.PyErr_SetInterruptEx, ctypes.c_void_p).value
    address = (
        handlers[handler] if isinstance(handler, signal.Handlers) else set_interrupt
    )
    api.PyOS_setsig(ctypes.c_int(signal.SIGINT), ctypes.c_void_p(address))
