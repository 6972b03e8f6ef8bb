"""Starts threads, or says what to do if the system allows no more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.errors import PropLoadError

if TYPE_CHECKING:
    from threading import Thread

NO_MORE_THREADS = (
    "the process cannot start more threads: raise the limit of its user (ulimit -u) "
    "or container (pids)"
)


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


def is_refusal(error: BaseException, /) -> bool:
    """Return whether an error says that the system refuses to start a thread."""
    return isinstance(error, RuntimeError) and "start new thread" in str(error)
