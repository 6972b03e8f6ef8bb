import resource
import threading

import pytest

from propload.monitoring.memory import MemoryWatch
from propload.monitoring.metrics import Metrics
from tests.waiting import recorded_waits

pytestmark = pytest.mark.timeout(20)


def watch(*sizes):
    """Return a watch that measures these sizes in turn, then the last one forever."""
    left = list(sizes)
    metrics = Metrics()
    return MemoryWatch(
        1000, metrics, resident_bytes=lambda: left.pop(0) if len(left) > 1 else left[0]
    ), metrics


@pytest.mark.parametrize(
    ("size", "pressure"), [(0, 0), (800, 0), (900, 0.5), (1000, 1), (5000, 1)]
)
def test_pressure_grows_from_80_percent_to_the_limit(size, pressure):
    memory, _ = watch(size)
    memory.measure()
    assert memory.pressure == pytest.approx(pressure)


def test_last_measurement_is_kept_if_no_file_can_be_opened():
    memory = MemoryWatch(1 << 50, Metrics())
    first_measurement = memory.measure()
    assert first_measurement > 0
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        assert memory.measure() == first_measurement
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_batches_shrink_under_pressure_but_keep_one_row():
    memory, _ = watch(500, 900, 2000)
    memory.measure()
    assert memory.scaled(1000) == 1000
    memory.measure()
    assert memory.scaled(1000) == 562
    memory.measure()
    assert memory.scaled(1000) == 125
    assert memory.scaled(1) == 1


@pytest.mark.parametrize(
    ("held", "wanted", "allowed"),
    # a twelfth of what is free below 1,000; at 800, the limit is raised
    [(40, 500, 80), (40, 50, 50), (400, 500, 50), (800, 500, 58)],
)
def test_batch_gets_a_small_part_of_the_free_memory(held, wanted, allowed):
    memory, _ = watch(held)
    with memory:
        assert memory.batch_bytes(wanted) == allowed


def test_peak_is_kept_and_metrics_show_the_last_measurement():
    memory, metrics = watch(10, 70, 30)
    for _ in range(3):
        memory.measure()
    assert memory.peak_bytes == 70
    assert metrics.snapshot().memory_bytes == 30


@pytest.fixture
def endless_pause(monkeypatch):
    """Make readers wait until the test lets them continue."""
    monkeypatch.setattr("propload.monitoring.memory.LONGEST_PAUSE", 1_000)


def test_reader_waits_until_memory_falls_below_the_limit(monkeypatch, endless_pause):
    memory, metrics = watch(2000, 2000, 10)
    memory.measure()
    waits, passed = recorded_waits(memory._changed, monkeypatch), threading.Event()

    def read():
        memory.wait_below_limit()
        passed.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert waits.acquire(timeout=10)
    assert "memory is at its limit" in metrics.snapshot().activity
    memory.measure()
    # it has examined the measurement, and waits again
    assert waits.acquire(timeout=10)
    assert not passed.is_set()
    memory.measure()
    assert passed.wait(10)
    reader.join()
    assert metrics.snapshot().activity == ""


def test_end_of_the_run_wakes_a_waiting_reader(monkeypatch, endless_pause):
    memory, _ = watch(10, 2000)
    waits = recorded_waits(memory._changed, monkeypatch)
    with memory:
        memory.measure()
        reader = threading.Thread(target=memory.wait_below_limit)
        reader.start()
        assert waits.acquire(timeout=10)
        assert reader.is_alive()
    reader.join(10)
    assert not reader.is_alive()


def test_watch_measures_the_memory_of_the_process():
    metrics = Metrics()
    with MemoryWatch(1 << 40, metrics) as memory:
        assert memory.peak_bytes > 1 << 20
    assert metrics.snapshot().memory_bytes > 1 << 20


def test_memory_held_before_the_run_causes_no_pressure():
    memory, _ = watch(5000)
    with memory:
        assert memory.pressure == 0
        assert memory.scaled(1000) == 1000


def test_pause_that_frees_nothing_raises_the_limit(monkeypatch):
    monkeypatch.setattr("propload.monitoring.memory.LONGEST_PAUSE", 0.01)
    memory, metrics = watch(2000)
    memory.measure()
    memory.wait_below_limit()
    assert metrics.snapshot().activity == ""
    assert memory.pressure < 1


def test_note_says_why_the_limit_was_raised_and_to_what():
    held = 300 << 20
    with MemoryWatch(50 << 20, Metrics(), resident_bytes=lambda: held) as memory:
        held = 340 << 20
    assert memory.note == (
        "max_memory was raised from 50 MB to 400 MB: the process held 300 MB before "
        "the first row, and 340 MB at most"
    )


def test_note_gives_a_small_limit_in_bytes():
    with MemoryWatch(600, Metrics(), resident_bytes=lambda: 300 << 20) as memory:
        pass
    assert memory.note.startswith("max_memory was raised from 600 bytes to 375 MB: ")


def test_limit_that_was_kept_gives_no_note():
    memory, _ = watch(300)
    with memory:
        pass
    assert memory.note == ""


def test_note_says_that_the_limit_was_raised_during_the_run(monkeypatch):
    monkeypatch.setattr("propload.monitoring.memory.LONGEST_PAUSE", 0.01)
    memory, _ = watch(10, 2000)
    with memory:
        memory.measure()
        memory.wait_below_limit()
    assert "max_memory was raised" in memory.note
