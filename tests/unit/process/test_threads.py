"""Threads start, or an error says what to do if the system has no more of them."""

import threading

import pytest

from propload.errors import PropLoadError
from propload.process.threads import start_thread


def test_thread_starts_and_cannot_be_started_twice():
    thread = threading.Thread(target=lambda: None)
    start_thread(thread)
    thread.join()
    with pytest.raises(RuntimeError, match="only be started once"):
        start_thread(thread)


def test_error_says_to_raise_the_limit_of_threads():
    class Refused(threading.Thread):
        def start(self):
            msg = "can't start new thread"
            raise RuntimeError(msg)

    with pytest.raises(PropLoadError, match=r"raise the limit .* \(ulimit -u\)"):
        start_thread(Refused())
