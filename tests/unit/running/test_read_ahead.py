"""A run that ends leaves no thread behind that reads its source."""

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
    """A source that gives its second batch only when the test allows it."""

    def __init__(self):
        self.reading = threading.Event()
        self.allowed = threading.Event()

    def __iter__(self):
        first, second = MemorySource([{"id": 1}, {"id": 2}], 1)
        yield first
        self.reading.set()
        assert self.allowed.wait(20)
        yield second


def test_run_ends_after_the_batch_that_is_being_read(plan, monkeypatch):
    monkeypatch.setattr(reading, "END_SECONDS", 20.0)
    source = SlowSource()
    with ExitStack() as stack:
        memory = MemoryWatch(1 << 40, Metrics())
        reader = make_reader(source, plan, memory, stack)
        reader.start()
        assert source.reading.wait(20)
        threading.Timer(0.1, source.allowed.set).start()
    assert source.allowed.is_set()


def test_run_does_not_wait_for_a_source_that_gives_nothing(plan, monkeypatch):
    monkeypatch.setattr(reading, "END_SECONDS", 0.01)
    source = SlowSource()
    with ExitStack() as stack:
        memory = MemoryWatch(1 << 40, Metrics())
        reader = make_reader(source, plan, memory, stack)
        reader.start()
        assert source.reading.wait(20)
    assert not source.allowed.is_set()
    source.allowed.set()


def test_reader_that_was_never_started_needs_no_end(plan):
    with ExitStack() as stack:
        make_reader(SlowSource(), plan, MemoryWatch(1 << 40, Metrics()), stack)
