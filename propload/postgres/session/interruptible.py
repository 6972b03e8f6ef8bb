"""Statements that signals interrupt as they interrupt any Python code."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Seconds between looks at whether a statement that was broken off has ended.
_LOOK_SECONDS = 0.2


def interruptible(ask: Callable[[], T], cancel: Callable[[], object], /) -> T:
    """Return what a statement returns, or raise what a signal's handler raises.

    In the main thread the driver takes SIGINT for itself: it breaks off the statement
    and tells nobody, so an interrupt would look as if the server had ended it. So
    another thread runs the statement, while the main one hears signals.

    Args:
        ask: Runs the statement.
        cancel: Breaks it off, from any thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return ask()
    # waited for in one step, which no signal leaves half done
    ended, outcome = threading.Lock(), Future[T]()
    ended.acquire()
    try:
        if not _begins(_settle, outcome, ask, ended):
            return ask()
        ended.acquire()
    except BaseException:
        if not outcome.cancel():
            _break_off(outcome, cancel, ended)
        raise
    return outcome.result()


def _settle(outcome: Future[T], ask: Callable[[], T], ended: threading.Lock) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        outcome.set_result(ask())
    except BaseException as error:  # noqa: BLE001 - raised by the main thread
        outcome.set_exception(error)
    finally:
        ended.release()


def _break_off(
    outcome: Future[T], cancel: Callable[[], object], ended: threading.Lock
) -> None:
    """Wait for the end, whatever comes: a session in use cannot be closed."""
    # the driver's call does not return where the server does not answer
    _begins(cancel)
    is_over = False
    while not is_over:
        with suppress(BaseException):
            ended.acquire(timeout=_LOOK_SECONDS)
            is_over = outcome.done()


def _begins(work: Callable[..., object], *given: Any) -> bool:
    """Begin work in a new thread; return False if there is none, at a program's end."""
    try:
        start_new_thread(work, given)
    except RuntimeError:
        return False
    return True
