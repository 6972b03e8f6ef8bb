import resource
import threading

import pytest

from propload.monitoring.memory import MemoryWatch
from propload.monitoring.metrics import Metrics
from tests.waiting import recorded_waits

pytestmark = pytest.mark.timeout(20)


def watch(*sizes):
    """A watch whose measurements are the given sizes, the last one for ever."""
    left = list(sizes)
    metrics = Metrics()
    return MemoryWatch(
        1000, metrics, resident_bytes=lambda: left.pop(0) if len(left) > 1 else left[0]
    ), metrics


@pytest.mark.parametrize(
    ("size", "pressure"), [(0, 0), (800, 0), (900, 0.5), (1000, 1), (5000, 1)]
)
def test_pressure_grows_from_80_percent_to_the_limit(size, pressure):
    one, _ = watch(size)
    one.measure()
    assert one.pressure == pytest.approx(pressure)


def test_the_last_look_holds_where_no_file_can_be_opened_for_another():
    one = MemoryWatch(1 << 50, Metrics())
    seen = one.measure()
    assert seen > 0
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        assert one.measure() == seen
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_batches_shrink_under_pressure_but_never_to_nothing():
    one, _ = watch(500, 900, 2000)
    one.measure()
    assert one.scaled(1000) == 1000
    one.measure()
    assert one.scaled(1000) == 562
    one.measure()
    assert one.scaled(1000) == 125
    assert one.scaled(1) == 1


@pytest.mark.parametrize(
    ("held", "most", "allowed"),
    # 1,000 may be held: a twelfth of what is left; of 800 the limit is raised
    [(40, 500, 80), (40, 50, 50), (400, 500, 50), (800, 500, 58)],
)
def test_a_batch_takes_a_small_part_of_what_is_free(held, most, allowed):
    one, _ = watch(held)
    with one:
        assert one.batch_bytes(most) == allowed


def test_the_peak_is_kept_and_the_metrics_hear_each_look():
    one, metrics = watch(10, 70, 30)
    for _ in range(3):
        one.measure()
    assert one.peak_bytes == 70
    assert metrics.snapshot().memory_bytes == 30


@pytest.fixture
def patient(monkeypatch):
    """Let no reader go on by itself before the test has told it to."""
    monkeypatch.setattr("propload.monitoring.memory.LONGEST_PAUSE", 1_000)


def test_a_reader_is_held_back_until_memory_falls(monkeypatch, patient):
    one, metrics = watch(2000, 2000, 10)
    one.measure()
    waits, passed = recorded_waits(one._changed, monkeypatch), threading.Event()

    def read():
        one.wait_below_limit()
        passed.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert waits.acquire(timeout=10)
    assert "memory is at its limit" in metrics.snapshot().activity
    one.measure()
    # it has looked at what was measured, and waits again
    assert waits.acquire(timeout=10)
    assert not passed.is_set()
    one.measure()
    assert passed.wait(10)
    reader.join()
    assert metrics.snapshot().activity == ""


def test_the_end_of_the_run_wakes_a_reader(monkeypatch, patient):
    one, _ = watch(10, 2000)
    waits = recorded_waits(one._changed, monkeypatch)
    with one:
        one.measure()
        reader = threading.Thread(target=one.wait_below_limit)
        reader.start()
        assert waits.acquire(timeout=10)
        assert reader.is_alive()
    reader.join(10)
    assert not reader.is_alive()


def test_it_measures_the_process():
    metrics = Metrics()
    with MemoryWatch(1 << 40, metrics) as one:
        assert one.peak_bytes > 1 << 20
    assert metrics.snapshot().memory_bytes > 1 << 20


def test_what_the_process_held_before_does_not_slow_a_run():
    one, _ = watch(5000)
    with one:
        assert one.pressure == 0
        assert one.scaled(1000) == 1000


def test_a_pause_in_vain_is_not_repeated(monkeypatch):
    monkeypatch.setattr("propload.monitoring.memory.LONGEST_PAUSE", 0.01)
    one, metrics = watch(2000)
    one.measure()
    one.wait_below_limit()
    assert metrics.snapshot().activity == ""
    assert one.pressure < 1


def test_a_limit_that_was_raised_is_told_with_what_the_process_held():
    held = 300 << 20
    with MemoryWatch(50 << 20, Metrics(), resident_bytes=lambda: held) as one:
        held = 340 << 20
    assert one.note == (
        "max_memory was raised from 50 MB to 400 MB: the process held 300 MB before "
        "the first row, and 340 MB at most"
    )


def test_a_limit_without_its_unit_is_told_in_bytes():
    with MemoryWatch(600, Metrics(), resident_bytes=lambda: 300 << 20) as one:
        pass
    assert one.note.startswith("max_memory was raised from 600 bytes to 375 MB: ")


def test_a_limit_that_held_is_not_told():
    one, _ = watch(300)
    with one:
        pass
    assert one.note == ""


def test_a_limit_that_gave_way_in_the_run_is_told(monkeypatch):
    monkeypatch.setattr("propload.monitoring.memory.LONGEST_PAUSE", 0.01)
    one, _ = watch(10, 2000)
    with one:
        one.measure()
        one.wait_below_limit()
    assert "max_memory was raised" in one.note
