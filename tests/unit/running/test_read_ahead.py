"""A run that ends leaves nobody behind who reads its source."""

import threading
from contextlib import ExitStack

import pytest

from propload.monitoring.memory import MemoryWatch
from propload.monitoring.metrics import Metrics
from propload.pipeline import reading
from propload.running.planning import Plan
from propload.running.read_ahead import make_reader
from propload.testing import MemorySource

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def plan(tmp_path):
    return Plan.of({"state_dir": tmp_path / "state"})


class SlowSource:
    """Gives its second batch when it is told to."""

    def __init__(self):
        self.reading = threading.Event()
        self.given = threading.Event()

    def __iter__(self):
        first, second = MemorySource([{"id": 1}, {"id": 2}], 1)
        yield first
        self.reading.set()
        assert self.given.wait(20)
        yield second


def test_a_run_ends_after_the_batch_that_is_being_read(plan, monkeypatch):
    monkeypatch.setattr(reading, "END_SECONDS", 20.0)
    source = SlowSource()
    with ExitStack() as stack:
        memory = MemoryWatch(1 << 40, Metrics())
        reader = make_reader(source, plan, memory, stack)
        reader.start()
        assert source.reading.wait(20)
        threading.Timer(0.1, source.given.set).start()
    assert source.given.is_set()


def test_a_source_that_gives_nothing_is_not_waited_for(plan, monkeypatch):
    monkeypatch.setattr(reading, "END_SECONDS", 0.01)
    source = SlowSource()
    with ExitStack() as stack:
        memory = MemoryWatch(1 << 40, Metrics())
        reader = make_reader(source, plan, memory, stack)
        reader.start()
        assert source.reading.wait(20)
    assert not source.given.is_set()
    source.given.set()


def test_a_source_that_nobody_read_needs_no_end(plan):
    with ExitStack() as stack:
        make_reader(SlowSource(), plan, MemoryWatch(1 << 40, Metrics()), stack)
