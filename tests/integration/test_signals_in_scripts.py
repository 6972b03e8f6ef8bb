"""A script whose load is stopped by a signal, with a handler of its own or without."""

from __future__ import annotations

import logging
import os
import signal
import threading
from itertools import count

import pytest

import propload
from tests.integration.reading import query

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.one_server,
    pytest.mark.skipif(
        threading.current_thread() is not threading.main_thread(),
        reason="only the main thread hears signals",
    ),
]


def rows_without_end():
    """Yield rows until the load stops; meanwhile a signal arrives."""
    for number in count():
        yield {"id": number}
        if number == 1_000:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def load(database):
    def load(table):
        return propload.ingest(
            rows_without_end(), to=database, table=table, key="id", progress=False
        )

    return load


@pytest.fixture
def set_handler():
    """Return a function that sets the program's own handler of SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda handler: signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGTERM, before)


def test_handler_that_exits_ends_the_script_after_the_load(load, database, set_handler):
    def end(number, _frame):
        raise SystemExit(128 + number)

    set_handler(end)
    with pytest.raises(SystemExit, match="143"):
        _ = [load(table) for table in ("a", "b")]
    [report] = propload.runs()
    assert (report.status, report.target.table) == ("interrupted", "public.a")
    assert query(database, "SELECT count(*) FROM a") == [(report.counts.inserted,)]
    assert report.counts.inserted > 1_000
    assert propload.leftovers() == []


def test_load_returns_its_report_if_the_handler_returns(load, set_handler):
    signals = []
    set_handler(lambda number, _frame: signals.append(number))
    assert load("a").status == "interrupted"
    assert signals == [signal.SIGTERM]


def test_handler_set_during_a_load_is_kept(database, set_handler):
    def rows():
        yield {"id": 1}
        os.kill(os.getpid(), signal.SIGALRM)
        assert is_set.wait(60)
        yield {"id": 2}

    def replace_handler(_number, _frame):
        signal.signal(signal.SIGTERM, later)
        is_set.set()

    def later(_number, _frame):
        """Stand for what the program does from then on."""

    set_handler(signal.SIG_DFL)
    is_set, before = threading.Event(), signal.signal(signal.SIGALRM, replace_handler)
    try:
        report = propload.ingest(rows(), to=database, table="a", key="id")
        assert report.counts.inserted == 2
        assert signal.getsignal(signal.SIGTERM) is later
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_unwritable_log_does_not_keep_a_signal_from_the_load(load, set_handler):
    class FailingHandler(logging.Handler):
        def emit(self, record):
            raise OSError(record.getMessage())

    log, failing = logging.getLogger("propload.running.stopping"), FailingHandler()
    set_handler(signal.SIG_DFL)
    log.addHandler(failing)
    try:
        assert load("a").status == "interrupted"
    finally:
        log.removeHandler(failing)


def test_without_a_handler_the_report_says_interrupted(load, set_handler):
    set_handler(signal.SIG_DFL)
    report = load("a")
    assert report.status == "interrupted"
    assert report.counts.inserted > 1_000
