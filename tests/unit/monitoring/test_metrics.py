"""The live counters: what a second of a run is."""

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


def test_seconds_count_from_the_beginning_of_the_run_to_its_end(clock):
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


def test_of_two_runs_the_seconds_add_up_as_the_rows_do(clock):
    metrics = Metrics()
    for seconds in (1, 3):
        metrics.begin()
        clock[0] += seconds
        metrics.end()
    assert metrics.snapshot().seconds == 4


def test_of_runs_at_the_same_time_each_second_counts_once(clock):
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
    """What is full as long as it exists."""

    def fill(self):
        return Fill(queue=0.5, lanes=(1.0,))


def test_what_a_run_was_made_of_is_let_go_of_at_its_end():
    metrics, lanes = Metrics(), Lanes()
    left = weakref.ref(lanes)
    metrics.begin()
    metrics.observe_fill(lanes.fill)
    assert metrics.snapshot().fill == Fill(0.5, (1.0,))
    metrics.end()
    del lanes
    gc.collect()
    assert left() is None
    assert metrics.snapshot().fill == Fill()
