"""The live counters of runs, and the seconds that they count."""

import gc
import weakref

import pytest

from propload.monitoring import metrics as subject
from propload.monitoring.metrics import Fill, Metrics
from propload.report import Counts


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(subject.time, "monotonic", lambda: now[0])
    return now


def test_seconds_are_counted_from_begin_to_end_of_the_run(clock):
    metrics = Metrics()
    clock[0] += 10
    assert metrics.snapshot().seconds == 0
    metrics.begin()
    metrics.add(Counts(read=8, inserted=8))
    clock[0] += 2
    assert metrics.snapshot().seconds == 2
    clock[0] += 2
    metrics.end()
    clock[0] += 60
    assert metrics.snapshot().seconds == 4
    assert metrics.snapshot().rows_per_second == 2


def test_seconds_of_successive_runs_add_up(clock):
    metrics = Metrics()
    for seconds in (1, 3):
        metrics.begin()
        clock[0] += seconds
        metrics.end()
    assert metrics.snapshot().seconds == 4


def test_seconds_of_simultaneous_runs_are_counted_once(clock):
    metrics = Metrics()
    metrics.begin()
    clock[0] += 1
    metrics.begin()
    clock[0] += 2
    metrics.end()
    clock[0] += 4
    assert metrics.snapshot().seconds == 7
    metrics.end()
    clock[0] += 60
    assert metrics.snapshot().seconds == 7


class Lanes:
    """A part of a run that reports how full it is."""

    def fill(self):
        return Fill(queue=0.5, lanes=(1.0,))


def test_metrics_release_the_lanes_at_the_end_of_the_run():
    metrics, lanes = Metrics(), Lanes()
    reference = weakref.ref(lanes)
    metrics.begin()
    metrics.observe_fill(lanes.fill)
    assert metrics.snapshot().fill == Fill(0.5, (1.0,))
    metrics.end()
    del lanes
    gc.collect()
    assert reference() is None
    assert metrics.snapshot().fill == Fill()
