"""Threads that begin, or say what to do where the system has no more of them."""

import threading

import pytest

from propload.errors import PropLoadError
from propload.process.threads import start_thread


def test_a_thread_begins():
    thread = threading.Thread(target=lambda: None)
    start_thread(thread)
    thread.join()
    with pytest.raises(RuntimeError, match="only be started once"):
        start_thread(thread)


def test_a_thread_that_the_system_refuses_is_told_with_what_to_do():
    class Refused(threading.Thread):
        def start(self):
            msg = "can't start new thread"
            raise RuntimeError(msg)

    with pytest.raises(PropLoadError, match=r"raise the limit .* \(ulimit -u\)"):
        start_thread(Refused())
