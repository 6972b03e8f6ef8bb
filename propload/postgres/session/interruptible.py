"""Run statements so that signals interrupt them like any Python code."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Seconds between checks whether a cancelled statement has ended.
_POLL_SECONDS = 0.2


def interruptible(ask: Callable[[], T], cancel: Callable[[], object], /) -> T:
    """Return what a statement returns, or raise what a signal handler raises.

    In the main thread the driver handles SIGINT itself: it silently cancels the
    statement, so an interrupt would look as if the server had cancelled it. So another
    thread runs the statement, while the main thread handles signals.

    Args:
        ask: Runs the statement.
        cancel: Cancels it; may be called from any thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return ask()
    # a lock is waited for in a single step, which no signal can leave half done
    ended, outcome = threading.Lock(), Future[T]()
    ended.acquire()
    try:
        if not _start_in_thread(_run_into, outcome, ask, ended):
            return ask()
        ended.acquire()
    except BaseException:
        if not outcome.cancel():
            _cancel_and_wait(outcome, cancel, ended)
        raise
    return outcome.result()


def _run_into(outcome: Future[T], ask: Callable[[], T], ended: threading.Lock) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        outcome.set_result(ask())
    except BaseException as error:  # noqa: BLE001 - raised by the main thread
        outcome.set_exception(error)
    finally:
        ended.release()


def _cancel_and_wait(
    outcome: Future[T], cancel: Callable[[], object], ended: threading.Lock
) -> None:
    """Cancel the statement and wait for its end: a session in use cannot be closed."""
    # in a thread, as the driver's call does not return if the server does not answer
    _start_in_thread(cancel)
    is_over = False
    while not is_over:
        with suppress(BaseException):
            ended.acquire(timeout=_POLL_SECONDS)
            is_over = outcome.done()


def _start_in_thread(work: Callable[..., object], *args: Any) -> bool:
    """Start work in a new thread; return False if none can start, as at exit."""
    try:
        start_new_thread(work, args)
    except RuntimeError:
        return False
    return True
