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
def terminable() -> Iterator[None]:
    """Let each signal raise `KeyboardInterrupt`, so that the command cleans up.

    A load handles signals itself: after the first one it commits what was read. After
    the block the command has printed its result. In a process of the command line
    signals are then ignored, so that none can turn the result into a failure.
    """
    if not _is_main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in SIGNALS}
    ours = {one: held for one, held in before.items() if _is_ours(held)}
    for one in ours:
        signal.signal(one, _interrupt)
    try:
        yield
    finally:
        for one, held in ours.items():
            is_own = held is exit_interrupted
            signal.signal(one, signal.SIG_IGN if is_own else held)


def settle() -> None:
    """Ignore the first signal from here on: the command has done its work.

    A program that reads the exit code would otherwise load the same rows again. A
    second signal ends the process, since stdout may be a pipe that nobody reads.
    """
    if not _is_main_thread():
        return
    for one in SIGNALS:
        if signal.getsignal(one) is _interrupt:
            signal.signal(one, _pass)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _is_ours(handler: object) -> bool:
    return handler in PYTHONS or handler is exit_interrupted


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number != signal.SIGINT:
        # a second one ends the process immediately, as it does by default
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def _pass(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
