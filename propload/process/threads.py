"""Starts threads, or says what to do where they cannot be had."""

from __future__ import annotations

import sys
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from propload.errors import ConfigError, PropLoadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

NO_MORE_THREADS = (
    "the process cannot start more threads: raise the limit of its user (ulimit -u) "
    "or container (pids)"
)

#: Libraries that can replace Python's threads by coroutines: of each the module, its
#: function that says whether it has, and what that function asks for.
_REPLACERS = {
    "gevent": ("gevent.monkey", "is_module_patched", "threading"),
    "eventlet": ("eventlet.patcher", "is_monkey_patched", "thread"),
}


def start_thread(thread: Thread, /) -> None:
    """Start a thread.

    Raises:
        PropLoadError: The system refuses to start it.
    """
    try:
        thread.start()
    except RuntimeError as error:
        if not is_refusal(error):
            raise
        raise PropLoadError(NO_MORE_THREADS) from error


def in_context(target: Callable[[], None], /) -> Callable[[], None]:
    """Return a thread's target to which the caller's context variables apply.

    The program's generators and log handlers run in such threads, and look there for
    the id of a request or a trace.
    """
    return partial(copy_context().run, target)


def is_refusal(error: BaseException, /) -> bool:
    """Return whether an error says that the system refuses to start a thread."""
    return isinstance(error, RuntimeError) and "start new thread" in str(error)


def refuse_replaced_threads() -> None:
    """Raise if a library has replaced Python's threads by coroutines.

    All of them stop while one is in a driver's call. If that waits for a lock of
    another one's transaction, the other never commits, and no signal stops the load.

    Raises:
        ConfigError: gevent or eventlet has done so.
    """
    for library, (module, function, threads) in _REPLACERS.items():
        # asked only where the program has imported it
        if module in sys.modules and getattr(sys.modules[module], function)(threads):
            msg = (
                f"{library} has replaced Python's threads in this process, and those "
                "of a load would wait for each other forever: use real threads or "
                "processes (gunicorn -k gthread, celery -P prefork), or load in a "
                "program of its own, such as propload ingest"
            )
            raise ConfigError(msg)
