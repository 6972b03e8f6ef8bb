"""A load is stopped by the program's own event, in whatever thread it runs."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

import propload
from propload.errors import ConfigError, LoadError
from tests.integration.reading import query

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]


def rows_without_end(action):
    """Yield rows until the load stops, and run an action after a thousand of them."""
    for number in count():
        yield {"id": number}
        if number == 1_000:
            action()


@pytest.fixture
def load(database):
    def load(source, stop):
        settings = {"table": "homes", "key": "id", "progress": False}
        return propload.ingest(source, to=database, stop=stop, **settings)

    return load


@pytest.fixture(params=["main", "another"])
def in_thread(request):
    """Return a function that runs an action in the main thread, or in another one."""

    def call(action):
        if request.param == "main":
            return action()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(action).result()

    return call


def test_stop_event_commits_what_was_read_and_returns_the_report(
    load, database, in_thread
):
    stop = threading.Event()
    report = in_thread(lambda: load(rows_without_end(stop.set), stop))
    assert report.status == "interrupted"
    assert report.counts.read == report.counts.inserted > 1_000
    assert query(database, "SELECT count(*) FROM homes") == [(report.counts.read,)]
    assert propload.leftovers() == []


def test_event_set_beforehand_raises_an_error_that_can_be_caught(load, in_thread):
    stop = threading.Event()
    stop.set()
    # not one that would end a thread pool or a server's loop
    with pytest.raises(LoadError, match=r"^it was stopped before anything was"):
        in_thread(lambda: load(rows_without_end(lambda: None), stop))


def test_event_that_is_never_set_changes_nothing(load, in_thread):
    report = in_thread(lambda: load([{"id": 1}], threading.Event()))
    assert report.status == "loaded"
    for thread in threading.enumerate():
        if thread.name == "propload-stop":
            thread.join(20)
            assert not thread.is_alive()


def test_second_signal_interrupts_although_the_event_is_set(load):
    stop, go_on = threading.Event(), threading.Event()

    def interrupt():
        stop.set()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        go_on.wait(60)

    with pytest.raises(KeyboardInterrupt):
        load(rows_without_end(interrupt), stop)
    go_on.set()


def test_error_for_a_stop_that_is_no_event_names_its_type(load):
    with pytest.raises(ConfigError, match=r"^stop: an int cannot be waited for: pass"):
        load([{"id": 1}], 5)
