import sys
import threading
from dataclasses import dataclass

import pytest

from propload.errors import QueueClosedError
from propload.queueing import BatchQueue

pytestmark = pytest.mark.timeout(10)


@dataclass(frozen=True)
class Entry:
    nbytes: int
    name: str = ""


def started(target):
    """Start `target` in a thread; return the thread and a list for its result."""
    result = []

    def run():
        try:
            result.append(target())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            result.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, result


def test_entries_come_out_in_order_and_none_after_close():
    queue = BatchQueue(10, 1000)
    subscription = queue.subscribe()
    entries = [Entry(1, str(n)) for n in range(5)]
    for entry in entries:
        queue.put(entry)
    queue.close()
    assert list(subscription) == entries
    assert subscription.get() is None


def test_put_waits_for_room_by_count():
    queue = BatchQueue(1, 1000)
    subscription = queue.subscribe()
    queue.put(Entry(1))
    assert not queue.try_put(Entry(1))
    with pytest.raises(TimeoutError):
        queue.put(Entry(1), timeout=0.01)
    thread, result = started(lambda: queue.put(Entry(2)))
    subscription.get()
    thread.join(5)
    assert result == [None]


def test_bytes_bound_the_queue_but_an_oversized_entry_is_admitted_alone():
    queue = BatchQueue(10, 100)
    subscription = queue.subscribe()
    queue.put(Entry(500))
    assert not queue.try_put(Entry(1))
    assert queue.fill == 5.0
    subscription.get()
    assert queue.fill == 0
    assert queue.try_put(Entry(60))
    assert not queue.try_put(Entry(60))


def test_close_with_an_error_wakes_a_waiting_producer():
    queue = BatchQueue(1, 100)
    queue.subscribe()
    queue.put(Entry(1))
    thread, result = started(lambda: queue.put(Entry(1)))
    cause = OSError("database gone")
    queue.close(cause)
    thread.join(5)
    assert isinstance(result[0], QueueClosedError)
    assert result[0].__cause__ is cause


def test_close_with_an_error_wakes_a_waiting_subscriber_and_drops_entries():
    queue = BatchQueue(5, 100)
    idle = queue.subscribe()
    thread, result = started(idle.get)
    queue.close(OSError("reader failed"))
    thread.join(5)
    assert isinstance(result[0], QueueClosedError)
    with pytest.raises(QueueClosedError, match="reader failed"):
        idle.get()


def test_closed_queue_refuses_puts():
    queue = BatchQueue(5, 100)
    queue.subscribe()
    queue.close()
    with pytest.raises(QueueClosedError):
        queue.put(Entry(1))
    with pytest.raises(QueueClosedError):
        queue.try_put(Entry(1))


def test_put_without_a_subscriber_is_refused():
    with pytest.raises(QueueClosedError, match="nobody subscribed"):
        BatchQueue(1, 1).put(Entry(1))


def test_every_subscriber_sees_every_entry_and_the_slowest_holds_the_room():
    queue = BatchQueue(1, 100)
    fast, slow = queue.subscribe(), queue.subscribe()
    same = Entry(1)
    queue.put(same)
    assert fast.get() is same
    assert not queue.try_put(same)
    assert slow.get() is same
    assert queue.try_put(same)


def test_entry_holds_its_room_until_all_three_subscribers_took_it():
    queue = BatchQueue(1, 100)
    subscriptions = [queue.subscribe() for _ in range(3)]
    fills = []
    queue.on_room(lambda: fills.append(queue.fill))
    queue.put(Entry(1))
    lengths = []
    for subscription in subscriptions:
        subscription.get()
        lengths.append(len(queue))
    assert lengths == [1, 1, 0]
    # listeners are called only when there is room
    assert fills == [0.0]


def test_same_entry_can_be_put_twice():
    queue = BatchQueue(5, 100)
    subscription = queue.subscribe()
    same = Entry(3)
    queue.put(same)
    queue.put(same)
    queue.close()
    assert list(subscription) == [same, same]
    assert queue.fill == 0


def test_room_listeners_are_called_for_room_and_for_close():
    queue = BatchQueue(1, 100)
    subscription = queue.subscribe()
    calls = []
    queue.on_room(lambda: calls.append("room"))
    queue.put(Entry(1))
    subscription.get()
    assert calls == ["room"]
    queue.close()
    assert calls == ["room", "room"]


def test_error_of_a_room_listener_is_logged_and_stops_nothing(caplog):
    queue = BatchQueue(1, 100)
    subscription = queue.subscribe()
    calls = []
    queue.on_room(lambda: 1 / 0)
    queue.on_room(lambda: calls.append("room"))
    queue.put(Entry(1))
    assert subscription.get().nbytes == 1
    assert calls == ["room"]
    assert "ZeroDivisionError" in caplog.text


def test_get_times_out():
    queue = BatchQueue(1, 100)
    subscription = queue.subscribe()
    with pytest.raises(TimeoutError):
        subscription.get(timeout=0.01)


def test_queue_closed_with_an_error_releases_its_entries():
    queue = BatchQueue(2, 100)
    subscription = queue.subscribe()
    entry = Entry(1)
    before = sys.getrefcount(entry)
    queue.put(entry)
    queue.close(RuntimeError("the writer stopped"))
    assert sys.getrefcount(entry) == before
    with pytest.raises(QueueClosedError, match="the writer stopped"):
        subscription.get()


def test_many_producers_and_one_subscriber_lose_nothing():
    queue = BatchQueue(3, 50)
    subscription = queue.subscribe()
    per_thread = 200

    def produce(start):
        for n in range(start, start + per_thread):
            queue.put(Entry(1 + n % 40, str(n)), timeout=5)

    threads = [started(lambda s=s: produce(s * per_thread)) for s in range(4)]
    seen = [subscription.get(timeout=5).name for _ in range(4 * per_thread)]
    for thread, result in threads:
        thread.join(5)
        assert result == [None]
    assert sorted(seen, key=int) == [str(n) for n in range(4 * per_thread)]
