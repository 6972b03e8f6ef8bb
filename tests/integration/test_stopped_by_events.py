"""A load is stopped by the program's own event, in whatever thread it goes on."""

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


def rows_without_end(act):
    """Give rows until the load stops; after a thousand of them something is done."""
    for number in count():
        yield {"id": number}
        if number == 1_000:
            act()


@pytest.fixture
def load(database):
    def load(source, stop):
        told = {"table": "homes", "key": "id", "progress": False}
        return propload.ingest(source, to=database, stop=stop, **told)

    return load


@pytest.fixture(params=["main", "another"])
def in_thread(request):
    """Call something in the main thread, or in another one."""

    def call(action):
        if request.param == "main":
            return action()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(action).result()

    return call


def test_what_was_read_is_committed_and_the_report_returned(load, database, in_thread):
    stop = threading.Event()
    report = in_thread(lambda: load(rows_without_end(stop.set), stop))
    assert report.status == "interrupted"
    assert report.counts.read == report.counts.inserted > 1_000
    assert query(database, "SELECT count(*) FROM homes") == [(report.counts.read,)]
    assert propload.leftovers() == []


def test_an_event_that_was_set_before_is_an_error_that_others_catch(load, in_thread):
    stop = threading.Event()
    stop.set()
    # none that ends a thread pool, or the loop of a server
    with pytest.raises(LoadError, match=r"^it was stopped before anything was"):
        in_thread(lambda: load(rows_without_end(lambda: None), stop))


def test_an_event_that_nobody_sets_changes_nothing(load, in_thread):
    report = in_thread(lambda: load([{"id": 1}], threading.Event()))
    assert report.status == "loaded"
    for one in threading.enumerate():
        if one.name == "propload-stop":
            one.join(20)
            assert not one.is_alive()


def test_a_second_signal_is_an_interrupt_whatever_the_event_says(load):
    stop, go_on = threading.Event(), threading.Event()

    def interrupt():
        stop.set()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        go_on.wait(60)

    with pytest.raises(KeyboardInterrupt):
        load(rows_without_end(interrupt), stop)
    go_on.set()


def test_what_is_no_event_is_named(load):
    with pytest.raises(ConfigError, match=r"^stop: an int cannot be waited for: pass"):
        load([{"id": 1}], 5)
