"""A journal between a producer and a loader."""

import threading

import pytest

from propload.errors import QueueClosedError
from propload.journal import (
    JournalSource,
    records,
    segments,
    writing,
)
from tests.faults.server import wait_until
from tests.unit.journal.batches import batch, ids
from tests.waiting import recorded_waits

pytestmark = pytest.mark.timeout(20)


@pytest.mark.parametrize("sync", ["always", "second", "off"])
def test_appended_rows_are_read_in_order(make_journal, sync):
    journal = make_journal(sync)
    for start in range(0, 50, 10):
        journal.append(batch(start, 10))
    journal.finish()
    assert ids(journal.follow()) == list(range(50))


def test_loader_that_fell_behind_reads_from_disk(make_journal, monkeypatch):
    monkeypatch.setattr(writing, "RECENT_BYTES", 1500)
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 2000)
    journal = make_journal()
    for start in range(0, 300, 10):
        journal.append(batch(start, 10))
    journal.finish()
    assert len(records.segments(journal.folder)) > 3
    assert ids(journal.follow()) == list(range(300))


def test_only_files_of_rows_taken_and_committed_are_deleted(make_journal, monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    journal = make_journal()
    for start in range(0, 40, 10):
        journal.append(batch(start, 10))
    follower = journal.follow()
    for _ in range(3):
        next(follower)
    journal.note_committed(25)
    names = [path.name for path in records.segments(journal.folder)]
    assert names == [records.segment_name(20), records.segment_name(30)]
    # rows 30 to 39 cannot be committed yet, as nobody has taken them
    journal.note_committed(40)
    assert [p.name for p in records.segments(journal.folder)] == [
        records.segment_name(30)
    ]
    assert ids([next(follower)]) == list(range(30, 40))
    journal.note_committed(40)
    assert records.segments(journal.folder) == []
    journal.append(batch(40, 1))
    assert ids([next(follower)]) == [40]


def test_producer_waits_for_a_full_journal_until_rows_are_committed(make_journal):
    journal = make_journal(max_bytes=1500)
    journal.append(batch(0, 10))
    with pytest.raises(TimeoutError):
        journal.append(batch(10, 30), timeout=0.01)
    assert not journal.try_append(batch(10, 30))
    waiting = threading.Thread(target=journal.append, args=(batch(10, 30),))
    waiting.start()
    assert ids([next(journal.follow())]) == list(range(10))
    journal.note_committed(10)
    waiting.join(10)
    assert not waiting.is_alive()
    assert journal.rows == 40


def test_waiting_batch_is_encoded_again_only_if_its_number_changed(
    make_journal, monkeypatch
):
    encode, encoded, room_checks = records.encode, [], threading.Semaphore(0)
    small = batch(90, 1)
    encoded_before = [
        encode(records.Record(batch(0, 10), 0)),
        encode(records.Record(small, 10)),
    ]
    journal = make_journal(max_bytes=sum(map(len, encoded_before)))
    journal.append(batch(0, 10))
    has_room = journal._has_room

    def recorded(record):
        # encoded without the lock, unless the number is known only with it
        encoded.append((record.first_row, journal._changed._is_owned()))
        return encode(record)

    def signalling(size, *, unrepeatable):
        room_checks.release()
        return has_room(size, unrepeatable=unrepeatable)

    monkeypatch.setattr(records, "encode", recorded)
    monkeypatch.setattr(journal, "_has_room", signalling)
    waiting = threading.Thread(target=journal.append, args=(batch(10, 30),))
    waiting.start()
    for _ in range(3):
        assert room_checks.acquire(timeout=10)
        with journal._changed:
            journal._changed.notify_all()
    assert room_checks.acquire(timeout=10)
    assert encoded == [(10, False)]
    journal.append(small)
    follower = journal.follow()
    assert ids([next(follower), next(follower)]) == [*range(10), 90]
    journal.note_committed(11)
    waiting.join(10)
    assert journal.rows == 41
    assert encoded == [(10, False), (10, False), (11, True)]


def test_failure_wakes_the_producer_and_the_loader(make_journal, monkeypatch):
    journal = make_journal(max_bytes=1200)
    journal.append(batch(0, 10))
    waits = recorded_waits(journal._changed, monkeypatch)
    ended = {}

    def produce():
        journal.append(batch(10, 30))

    def load():
        ids(journal.follow())

    def run(work):
        try:
            work()
        except QueueClosedError as error:
            ended[work] = str(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in (produce, load)]
    for thread in threads:
        thread.start()
        assert waits.acquire(timeout=10)
    journal.fail(OSError("database gone"))
    for thread in threads:
        thread.join(10)
    assert ended == {
        produce: "the load failed: database gone",
        load: "the producer failed: database gone",
    }


def test_close_reader_wakes_the_loader_and_lets_the_producer_continue(
    make_journal, monkeypatch
):
    journal = make_journal()
    waits = recorded_waits(journal._changed, monkeypatch)
    loader = threading.Thread(target=list, args=(journal.follow(),))
    loader.start()
    assert waits.acquire(timeout=10)
    journal.close_reader()
    loader.join(10)
    assert not loader.is_alive()
    journal.append(batch(0, 10))
    assert journal.rows == 10


def test_rows_taken_before_a_failure_are_still_loaded(make_journal):
    journal = make_journal()
    journal.append(batch(0, 10))
    journal.fail(OSError("database gone"))
    follower = journal.follow()
    assert ids([next(follower)]) == list(range(10))
    with pytest.raises(QueueClosedError, match="database gone"):
        next(follower)


def test_journal_is_deleted_at_its_end_only_if_all_rows_are_committed(make_journal):
    journal = make_journal()
    journal.append(batch(0, 5))
    journal.close(loaded=False)
    assert journal.folder.exists()
    JournalSource(journal.folder).close(loaded=True)
    journal = make_journal()
    journal.append(batch(0, 5))
    journal.note_committed(5)
    journal.close(loaded=False)
    assert not journal.folder.exists()
    # committed rows of a replace are not in its table before the end
    journal = make_journal(takes_effect_late=True)
    journal.append(batch(0, 5))
    journal.note_committed(5)
    journal.close(loaded=False)
    assert journal.folder.exists()
    JournalSource(journal.folder).close(loaded=True)
    journal = make_journal(takes_effect_late=True)
    journal.close(loaded=True)
    assert not journal.folder.exists()


def test_journal_is_full_after_a_refused_append_until_there_is_room(make_journal):
    journal = make_journal(max_bytes=1500)
    assert journal.try_append(batch(0, 10))
    assert not journal.is_full
    # nobody waits for room, and yet there is none
    assert not journal.try_append(batch(10, 30))
    assert journal.is_full
    next(journal.follow())
    journal.note_committed(10)
    assert not journal.is_full


def test_unrepeatable_rows_are_taken_at_the_end_even_without_room(make_journal):
    journal = make_journal(max_bytes=1200)
    journal.append(batch(0, 10))
    waiting = threading.Thread(
        target=journal.append, args=(batch(10, 30),), kwargs={"unrepeatable": True}
    )
    waiting.start()
    wait_until(lambda: journal.is_full, seconds=10)
    journal.finish()
    assert ids(journal.follow()) == list(range(40))
    waiting.join(10)
    with pytest.raises(QueueClosedError, match="closed"):
        journal.append(batch(40, 1))
    # its run failed meanwhile: a recovery finds these rows as well
    journal.append(batch(40, 1), unrepeatable=True)
    assert journal.rows == 41
    journal.close(loaded=False)
    with pytest.raises(QueueClosedError, match="closed"):
        journal.append(batch(41, 1), unrepeatable=True)


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("taken", [0, 10])
def test_journal_without_waiting_rows_leaves_no_folder(make_journal, late, taken):
    journal = make_journal(takes_effect_late=late)
    if taken:
        journal.append(batch(0, taken))
    # the disk refused the rows after these, which were loaded from memory
    journal.note_committed(taken + 5)
    assert journal.waiting == 0
    journal.close(loaded=False)
    assert journal.folder.exists() == bool(late and taken)


def test_failure_calls_listeners_that_wait_for_room(make_journal):
    journal, calls = make_journal(max_bytes=1500), []
    journal.append(batch(0, 10))
    assert not journal.try_append(batch(10, 30))
    journal.on_room(lambda: calls.append(True))
    journal.fail(ValueError("torn"))
    assert calls == [True]
    with pytest.raises(QueueClosedError, match="torn"):
        journal.try_append(batch(10, 30))


def test_rows_read_back_from_disk_free_memory_for_new_rows(make_journal, monkeypatch):
    monkeypatch.setattr(writing, "RECENT_BYTES", 1500)
    journal = make_journal()
    for start in range(0, 100, 10):
        journal.append(batch(start, 10))
    follower = journal.follow()
    for _ in range(10):
        next(follower)
    # rows that come now are not read back from disk
    journal.append(batch(100, 10))
    for path in records.segments(journal.folder):
        path.write_bytes(b"")
    assert ids([next(follower)]) == list(range(100, 110))
