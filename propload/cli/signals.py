"""What signals do to a command: end it, until it has its result."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from propload.process.early_signals import PYTHONS, SIGNALS, exit_interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def raise_on_signals() -> Iterator[None]:
    """Let each signal raise `KeyboardInterrupt`, so that the command cleans up.

    A load handles signals itself: after the first one it commits what was read. After
    the block the command has printed its result. In a process of the command line
    signals are then ignored, so that none can turn the result into a failure.
    """
    if not _is_main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    replaced = {
        number: handler
        for number, handler in before.items()
        if _is_replaceable(handler)
    }
    for number in replaced:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in replaced.items():
            is_own = handler is exit_interrupted
            signal.signal(number, signal.SIG_IGN if is_own else handler)


def ignore_first_signal() -> None:
    """Ignore the first signal from here on: the command has done its work.

    A program that reads the exit code would otherwise load the same rows again. A
    second signal ends the process, since stdout may be a pipe that nobody reads.
    """
    if not _is_main_thread():
        return
    for number in SIGNALS:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, _reset_signal)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _is_replaceable(handler: object) -> bool:
    return handler in PYTHONS or handler is exit_interrupted


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number != signal.SIGINT:
        # a second one ends the process immediately, as it does by default
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def _reset_signal(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
