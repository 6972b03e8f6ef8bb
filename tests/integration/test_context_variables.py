"""Context variables of the caller apply wherever a load calls code of the program."""

from __future__ import annotations

import logging
from contextvars import ContextVar

import pytest

import propload
from tests.integration.reading import read_table

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

REQUEST = ContextVar("request", default="none")
TARGET = {"table": "homes", "key": "id", "workers": 1}


class Seen(logging.Handler):
    """Notes which request the lines of each thread belong to."""

    def __init__(self):
        super().__init__()
        self.requests = set()

    def emit(self, record):
        self.requests.add((record.threadName, REQUEST.get()))


@pytest.fixture
def seen():
    handler, log = Seen(), logging.getLogger("propload")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    token = REQUEST.set("mine")
    yield handler.requests
    REQUEST.reset(token)
    log.setLevel(logging.NOTSET)
    log.removeHandler(handler)


def test_generator_and_log_handlers_see_them(database, seen):
    def homes():
        for number in range(3):
            yield {"id": number, "request": REQUEST.get()}

    propload.ingest(homes(), to=database, **TARGET)
    assert {("propload-run", "mine"), ("propload-lane-0", "mine")} <= seen
    assert set(read_table(database, "homes")["request"]) == {"mine"}


def test_threads_of_a_loader_see_them(database, seen):
    with propload.Loader(to=database, **TARGET) as loader:
        loader.put({"id": 1})
    assert {("propload-loader", "mine"), ("propload-lane-0", "mine")} <= seen
    assert {request for _, request in seen} == {"mine"}
