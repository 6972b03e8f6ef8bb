import threading

import pytest

from propload import retrying
from propload.errors import TransientWriteError, WriteError
from propload.retrying import RetryOptions, backoff, retry

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def short_waits(monkeypatch):
    monkeypatch.setattr(retrying, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(retrying, "LONGEST_WAIT", 0.002)


def run(action, *, attempts=5, seconds=10.0, stop=None):
    retries = []
    result = retry(
        action,
        RetryOptions(attempts, seconds),
        stop=stop or threading.Event(),
        name="batch 3, lane 0",
        on_retry=lambda error, wait: retries.append((str(error), wait)),
    )
    return result, retries


def failing(times, error=TransientWriteError):
    left = list(range(times))

    def action():
        if left:
            raise error(f"{left.pop()} more")
        return "done"

    return action


def test_success_needs_no_retry():
    assert run(failing(0)) == ("done", [])


def test_transient_failures_are_retried_and_reported(short_waits):
    result, retries = run(failing(3))
    assert result == "done"
    assert [text for text, _ in retries] == ["2 more", "1 more", "0 more"]
    assert all(0 <= wait <= 0.002 for _, wait in retries)


def test_success_after_retries_is_logged(short_waits, caplog):
    caplog.set_level("INFO", "propload.retrying")
    run(failing(0))
    assert caplog.messages == []
    run(failing(2))
    assert caplog.messages[-1] == "batch 3, lane 0: attempt 3 succeeded"


def test_a_cause_is_logged_once_while_it_stays_the_same(short_waits, caplog):
    left = ["refused", "away", "away", "away", "refused"]

    def action():
        if left:
            raise TransientWriteError(left.pop(0))

    run(action, attempts=9)
    causes = [message.rpartition(": ")[2] for message in caplog.messages]
    assert causes == ["refused", "away", "as before", "as before", "refused"]
    assert caplog.messages[2].startswith("batch 3, lane 0: attempt 3 failed, next in")


def test_log_names_the_table_of_the_run(short_waits, caplog):
    retry(
        failing(1),
        RetryOptions(2, 1.0, table="public.homes"),
        stop=threading.Event(),
        name="batch 3, lane 0",
    )
    assert caplog.messages[0].startswith("public.homes, batch 3, lane 0: attempt 1 ")


def test_other_failures_are_raised_at_once(short_waits):
    with pytest.raises(WriteError, match="8 more"):
        run(failing(9, WriteError))


def test_attempts_are_bounded(short_waits):
    calls = []

    def action():
        calls.append(1)
        msg = "gone"
        raise TransientWriteError(msg)

    with pytest.raises(TransientWriteError):
        run(action, attempts=4)
    assert len(calls) == 4


class Clock:
    """A stop event that is never set; waiting for it moves the clock."""

    def __init__(self):
        self.now = 100.0

    def is_set(self):
        return False

    def wait(self, seconds):
        self.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(retrying.random, "uniform", lambda _low, high: high)
    monkeypatch.setattr(retrying.time, "monotonic", lambda: clock.now)
    return clock


def test_seconds_are_bounded(clock):
    with pytest.raises(TransientWriteError, match="96 more"):
        run(failing(99), attempts=99, seconds=0.35, stop=clock)
    # 0.1 and 0.2 s were waited; 0.4 s more would have been too late
    assert clock.now == pytest.approx(100.3)


def test_seconds_count_from_the_end_of_a_suspension(clock):
    options = RetryOptions(99, 2.0, lambda: clock.now < 101.0)
    with pytest.raises(TransientWriteError, match="93 more"):
        retry(failing(99), options, stop=clock, name="batch")
    # a wait of 0.8 s began during the suspension and ended at 101.5: 1.6 s more are
    # allowed
    assert clock.now == pytest.approx(103.1)


def test_stop_interrupts_the_wait_for_the_next_attempt(monkeypatch):
    monkeypatch.setattr(retrying.random, "uniform", lambda _low, _high: 15.0)
    stop, waiting = threading.Event(), threading.Event()
    raised = []

    def work():
        try:
            retry(
                failing(9),
                RetryOptions(9, 100.0),
                stop=stop,
                name="batch",
                on_retry=lambda _error, _wait: waiting.set(),
            )
        except TransientWriteError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert waiting.wait(10)
    stop.set()
    thread.join(10)
    assert str(raised[0]) == "8 more"


def test_wait_doubles_up_to_the_longest():
    waits = [backoff(attempt) for attempt in range(1, 60)]
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == retrying.LONGEST_WAIT


def test_attempts_do_not_count_while_limits_are_suspended(short_waits):
    suspensions = [True] * 7

    def suspended():
        return bool(suspensions and suspensions.pop())

    calls = []

    def action():
        calls.append(1)
        msg = "gone"
        raise TransientWriteError(msg)

    options = RetryOptions(3, 10.0, suspended)
    with pytest.raises(TransientWriteError):
        retry(
            action,
            options,
            stop=threading.Event(),
            name="batch",
        )
    assert len(calls) == 7 + 3
