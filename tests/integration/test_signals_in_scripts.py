"""A script whose load is stopped by a signal: what it is told, and by whom."""

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
    """Give rows until the load stops; a signal comes meanwhile."""
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
def handle():
    """Return what sets the program's own handler of SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda handler: signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGTERM, before)


def test_a_handler_that_ends_the_script_ends_it_after_the_load(load, database, handle):
    def end(number, _frame):
        raise SystemExit(128 + number)

    handle(end)
    with pytest.raises(SystemExit, match="143"):
        _ = [load(table) for table in ("a", "b")]
    [report] = propload.runs()
    assert (report.status, report.target.table) == ("interrupted", "public.a")
    assert query(database, "SELECT count(*) FROM a") == [(report.counts.inserted,)]
    assert report.counts.inserted > 1_000
    assert propload.leftovers() == []


def test_a_handler_that_notes_it_gets_the_report_back(load, handle):
    noted = []
    handle(lambda number, _frame: noted.append(number))
    assert load("a").status == "interrupted"
    assert noted == [signal.SIGTERM]


def test_a_handler_that_is_set_during_a_load_stays(database, handle):
    def rows():
        yield {"id": 1}
        os.kill(os.getpid(), signal.SIGALRM)
        assert is_set.wait(60)
        yield {"id": 2}

    def set_anew(_number, _frame):
        signal.signal(signal.SIGTERM, later)
        is_set.set()

    def later(_number, _frame):
        """Stands for what the program does from then on."""

    handle(signal.SIG_DFL)
    is_set, before = threading.Event(), signal.signal(signal.SIGALRM, set_anew)
    try:
        report = propload.ingest(rows(), to=database, table="a", key="id")
        assert report.counts.inserted == 2
        assert signal.getsignal(signal.SIGTERM) is later
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_log_that_cannot_be_written_keeps_no_signal_from_the_load(load, handle):
    class Full(logging.Handler):
        def emit(self, record):
            raise OSError(record.getMessage())

    log, full = logging.getLogger("propload.running.stopping"), Full()
    handle(signal.SIG_DFL)
    log.addHandler(full)
    try:
        assert load("a").status == "interrupted"
    finally:
        log.removeHandler(full)


def test_without_a_handler_the_report_tells(load, handle):
    handle(signal.SIG_DFL)
    report = load("a")
    assert report.status == "interrupted"
    assert report.counts.inserted > 1_000
