import errno
import fcntl
import itertools
import os
import threading

import polars as pl
import pyarrow as pa
import pytest

from propload import private_files
from propload.batch import Batch, Unread
from propload.errors import JournalError, QueueClosedError
from propload.journal import (
    Journal,
    JournalOptions,
    JournalSource,
    feeding,
    find_leftovers,
    records,
    recovery,
    segments,
    writing,
)
from propload.journal.feeding import JournaledSource
from propload.options import SourceOptions
from propload.prepare.joining import skip_rows
from propload.sources.frames import open_frame
from propload.sources.items import ItemSource
from tests.faults.server import wait_until
from tests.waiting import noted_waits

pytestmark = pytest.mark.timeout(20)


def batch(first, count, **more):
    rows = pa.RecordBatch.from_pylist(
        [{"id": n, "text": f"row {n}"} for n in range(first, first + count)],
        schema=pa.schema({"id": pa.int64(), "text": pa.string()}),
    )
    return Batch(rows, "spider", first + 1, **more)


def ids(batches):
    return [n for one in batches for n in one.rows["id"].to_pylist()]


@pytest.fixture
def make(tmp_path):
    opened = []

    def make(sync="off", max_bytes=1 << 20, **more):
        folder = tmp_path / "journal" / "run-1"
        options = JournalOptions(sync, max_bytes)
        journal = Journal(folder, options, {"table": "t"}, **more)
        opened.append(journal)
        return journal

    yield make
    for journal in opened:
        if journal.folder.exists():
            journal.close(loaded=True)


@pytest.mark.parametrize("sync", ["always", "second", "off"])
def test_what_is_appended_is_followed_in_order(make, sync):
    journal = make(sync)
    for start in range(0, 50, 10):
        journal.append(batch(start, 10))
    journal.finish()
    assert ids(journal.follow()) == list(range(50))


def test_a_loader_that_fell_behind_reads_from_disk(make, monkeypatch):
    monkeypatch.setattr(writing, "RECENT_BYTES", 1500)
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 2000)
    journal = make()
    for start in range(0, 300, 10):
        journal.append(batch(start, 10))
    journal.finish()
    assert len(records.segments(journal.folder)) > 3
    assert ids(journal.follow()) == list(range(300))


def test_committed_rows_leave_the_disk_and_no_others(make, monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    journal = make()
    for start in range(0, 40, 10):
        journal.append(batch(start, 10))
    follower = journal.follow()
    for _ in range(3):
        next(follower)
    journal.committed(25)
    names = [path.name for path in records.segments(journal.folder)]
    assert names == [records.segment_name(20), records.segment_name(30)]
    # row 30 to 39 are committed in name only: nobody has taken them yet
    journal.committed(40)
    assert [p.name for p in records.segments(journal.folder)] == [
        records.segment_name(30)
    ]
    assert ids([next(follower)]) == list(range(30, 40))
    journal.committed(40)
    assert records.segments(journal.folder) == []
    journal.append(batch(40, 1))
    assert ids([next(follower)]) == [40]


def test_a_full_journal_makes_the_producer_wait_until_rows_are_committed(make):
    journal = make(max_bytes=1500)
    journal.append(batch(0, 10))
    with pytest.raises(TimeoutError):
        journal.append(batch(10, 30), timeout=0.01)
    assert not journal.try_append(batch(10, 30))
    waiting = threading.Thread(target=journal.append, args=(batch(10, 30),))
    waiting.start()
    assert ids([next(journal.follow())]) == list(range(10))
    journal.committed(10)
    waiting.join(10)
    assert not waiting.is_alive()
    assert journal.rows == 40


def test_a_batch_that_waits_is_encoded_anew_only_where_its_number_changed(
    make, monkeypatch
):
    encode, encoded, looks = records.encode, [], threading.Semaphore(0)
    small = batch(90, 1)
    held = [encode(records.Record(batch(0, 10), 0)), encode(records.Record(small, 10))]
    journal = make(max_bytes=sum(map(len, held)))
    journal.append(batch(0, 10))
    has_room = journal._has_room

    def noted(record):
        # others go on meanwhile, unless the number is known only with the lock
        encoded.append((record.first_row, journal._changed._is_owned()))
        return encode(record)

    def looked(size, *, once):
        looks.release()
        return has_room(size, once=once)

    monkeypatch.setattr(records, "encode", noted)
    monkeypatch.setattr(journal, "_has_room", looked)
    waiting = threading.Thread(target=journal.append, args=(batch(10, 30),))
    waiting.start()
    for _ in range(3):
        assert looks.acquire(timeout=10)
        with journal._changed:
            journal._changed.notify_all()
    assert looks.acquire(timeout=10)
    assert encoded == [(10, False)]
    journal.append(small)
    follower = journal.follow()
    assert ids([next(follower), next(follower)]) == [*range(10), 90]
    journal.committed(11)
    waiting.join(10)
    assert journal.rows == 41
    assert encoded == [(10, False), (10, False), (11, True)]


def test_a_failure_wakes_the_producer_and_the_loader(make, monkeypatch):
    journal = make(max_bytes=1200)
    journal.append(batch(0, 10))
    waits = noted_waits(journal._changed, monkeypatch)
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


def test_what_was_taken_before_a_failure_is_still_loaded(make):
    journal = make()
    journal.append(batch(0, 10))
    journal.fail(OSError("database gone"))
    follower = journal.follow()
    assert ids([next(follower)]) == list(range(10))
    with pytest.raises(QueueClosedError, match="database gone"):
        next(follower)


def test_row_numbers_origins_and_unread_rows_survive(make, tmp_path):
    journal = make()
    unread = (Unread(2, "garbage", "json", "not JSON"),)
    journal.append(batch(0, 3, row_numbers=(1, 3, 4), unread=unread, untyped=True))
    journal.append(batch(10, 1))
    journal.close(loaded=False)
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert (leftover.run_id, leftover.rows, leftover.torn_bytes) == ("run-1", 5, 0)
    assert leftover.about == {"table": "t"}
    first, second = JournalSource(leftover.folder)
    assert (first.source, first.first_row, first.row_numbers) == (
        "spider",
        1,
        (1, 3, 4),
    )
    assert first.unread == unread
    assert first.untyped
    assert second.first_row == 11


def test_what_is_left_is_counted_without_the_rows_known_to_be_committed(make, tmp_path):
    journal = make()
    for start in range(0, 40, 10):
        journal.append(batch(start, 10))
    follower = journal.follow()
    assert ids([next(follower) for _ in range(3)]) == list(range(30))
    journal.committed(20)
    journal.close(loaded=False)
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert leftover.rows == 20
    # a recovery that ends early knows more
    JournalSource(leftover.folder).committed(30)
    assert leftover.rows == 10
    # one that was killed before it came to note that is careful
    (leftover.folder / "committed").write_text("")
    assert leftover.rows == 40
    JournalSource(leftover.folder).close(loaded=True)
    assert not leftover.folder.exists()


def test_journals_are_found_without_reading_their_rows(make, tmp_path, monkeypatch):
    journal = make()
    journal.append(batch(0, 10))
    journal.append(batch(10, 10))
    journal.close(loaded=False)
    decoded = []
    decode = records._decode
    monkeypatch.setattr(
        records, "_decode", lambda *told: (decoded.append(told), decode(*told))[1]
    )
    (leftover,) = find_leftovers(tmp_path / "journal")
    assert (leftover.about, decoded) == ({"table": "t"}, [])
    # and counted by reading the last ones
    assert (leftover.rows, len(decoded)) == (20, 1)


def test_a_running_journal_is_no_leftover(make, tmp_path):
    journal = make()
    journal.append(batch(0, 3))
    assert find_leftovers(tmp_path / "journal") == []


def test_recovery_starts_after_the_committed_rows(make):
    journal = make()
    journal.append(batch(0, 10))
    journal.append(batch(10, 10))
    journal.close(loaded=False)
    source = JournalSource(journal.folder)
    assert source.first_row == 0
    for done in (0, 10, 13, 20):
        assert ids(skip_rows(source, done)) == list(range(done, 20))
    source.open()
    source.close(loaded=True)
    assert not journal.folder.exists()


def test_a_look_at_a_journal_keeps_nobody_from_recovering_it(make, monkeypatch):
    journal = make()
    journal.append(batch(0, 10))
    journal.close(loaded=False)
    look = os.open(journal.folder / "lock", os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH)
    # others look at the same time, and whoever recovers it waits for the look's end
    assert [one.rows for one in find_leftovers(journal.folder.parent)] == [10]
    monkeypatch.setattr(private_files.time, "sleep", lambda _: os.close(look))
    source = JournalSource(journal.folder)
    source.open()
    monkeypatch.undo()
    assert find_leftovers(journal.folder.parent) == []
    with pytest.raises(BlockingIOError):
        JournalSource(journal.folder).open()
    source.close(loaded=True)


def test_files_are_private(make):
    journal = make()
    journal.append(batch(0, 3))
    assert journal.folder.stat().st_mode & 0o777 == 0o700
    modes = {path.stat().st_mode & 0o777 for path in journal.folder.iterdir()}
    assert modes == {0o600}


def test_a_disk_that_refuses_is_a_journal_error_and_nothing_is_taken(make, monkeypatch):
    journal = make()
    journal.append(batch(0, 5))

    def refuse(_descriptor, _data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(segments, "write_all", refuse)
        with pytest.raises(JournalError, match="No space left"):
            journal.append(batch(5, 5))
    journal.append(batch(5, 5))
    journal.finish()
    assert ids(journal.follow()) == list(range(10))


def test_a_journal_goes_at_its_end_only_where_all_it_took_is_committed(make):
    journal = make()
    journal.append(batch(0, 5))
    journal.close(loaded=False)
    assert journal.folder.exists()
    JournalSource(journal.folder).close(loaded=True)
    journal = make()
    journal.append(batch(0, 5))
    journal.committed(5)
    journal.close(loaded=False)
    assert not journal.folder.exists()
    # what a replace has committed is not in its table before the end
    journal = make(takes_effect_late=True)
    journal.append(batch(0, 5))
    journal.committed(5)
    journal.close(loaded=False)
    assert journal.folder.exists()
    JournalSource(journal.folder).close(loaded=True)
    journal = make(takes_effect_late=True)
    journal.close(loaded=True)
    assert not journal.folder.exists()


def test_what_vouches_for_all_rows_is_on_disk_after_them(make, monkeypatch):
    journal = make("second")
    journal.append(batch(0, 5))
    steps = []
    synced, noted = writing.os.fdatasync, writing.write_private
    monkeypatch.setattr(
        writing.os, "fdatasync", lambda file: (steps.append("rows"), synced(file))
    )
    monkeypatch.setattr(
        writing, "write_private", lambda *told: (steps.append("note"), noted(*told))
    )
    journal.note_whole()
    journal.append(batch(5, 5))
    journal.finish()
    assert steps[steps.index("note") - 1] == "rows"
    assert ids(journal.follow()) == list(range(10))


def test_a_torn_journal_is_not_whole_whatever_it_says(make, tmp_path):
    journal = make()
    journal.append(batch(0, 5))
    journal.append(batch(5, 5))
    journal.note_whole()
    journal.close(loaded=False)
    [whole] = find_leftovers(tmp_path / "journal")
    assert whole.whole
    [segment] = records.segments(journal.folder)
    segment.write_bytes(segment.read_bytes()[:-1])
    [torn] = find_leftovers(tmp_path / "journal")
    assert (torn.whole, torn.rows) == (False, 5)


def test_a_journal_that_goes_while_others_are_read_is_passed_over(
    make, tmp_path, monkeypatch
):
    journal = make()
    journal.append(batch(0, 5))
    journal.close(loaded=False)
    gone = tmp_path / "journal" / "gone"
    gone.mkdir()
    (gone / "about.json").write_text("{}")
    is_in_use = recovery.is_in_use

    def look_late(folder):
        if folder == gone:
            (gone / "about.json").unlink()
            gone.rmdir()
        return is_in_use(folder)

    monkeypatch.setattr(recovery, "is_in_use", look_late)
    assert [one.folder for one in find_leftovers(gone.parent)] == [journal.folder]
    assert not gone.exists()


def test_rows_that_a_source_has_begun_to_give_are_taken_when_it_is_stopped(make):
    journal = make()
    begun, go_on = threading.Event(), threading.Event()
    given_rows = []

    def rows():
        for number in range(1_000_000):
            if number == 10:
                begun.set()
                go_on.wait(10)
            given_rows.append(number)
            yield {"id": number}

    options = SourceOptions(chunk_rows=100)
    source = JournaledSource(ItemSource(rows(), options, name="rows"), journal)
    taken = []
    reader = threading.Thread(target=lambda: taken.extend(ids(source)))
    reader.start()
    assert begun.wait(10)
    source.stop()
    go_on.set()
    reader.join(10)
    assert taken == given_rows
    assert len(taken) >= 10


def test_a_source_that_waits_is_left_and_what_it_holds_is_told(make, monkeypatch):
    monkeypatch.setattr(feeding, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(feeding, "WAKE_SECONDS", 0.05)
    journal = make()
    begun, never = threading.Event(), threading.Event()

    def rows():
        yield {"id": 1}
        begun.set()
        never.wait(10)

    source = ItemSource(rows(), SourceOptions(), name="rows")
    journaled = JournaledSource(source, journal)
    taken = []
    reader = threading.Thread(target=lambda: taken.extend(ids(journaled)))
    reader.start()
    assert begun.wait(10)
    journaled.stop()
    reader.join(10)
    journaled.close()
    assert taken == []
    assert journaled.lost_rows == 1
    never.set()


def test_what_was_taken_last_reaches_the_disk_although_no_more_comes(make, monkeypatch):
    synced, sync = threading.Event(), writing.os.fdatasync
    monkeypatch.setattr(writing, "SYNC_SECONDS", 0.05)
    monkeypatch.setattr(
        writing.os, "fdatasync", lambda file: (sync(file), synced.set())
    )
    journal = make("second")
    journal.append(batch(0, 10))
    # a run that was told to stop, and still waits for its server
    journal.finish()
    assert synced.wait(10)
    journal._syncer.join(10)
    assert not journal._syncer.is_alive()


@pytest.mark.parametrize("loaded", [True, False])
def test_the_end_of_a_journal_waits_for_no_sync_that_is_due_later(
    make, monkeypatch, loaded
):
    # an end that waited for it would outlast the test's own timeout
    monkeypatch.setattr(writing, "SYNC_SECONDS", 1_000)
    journal = make("second")
    journal.append(batch(0, 10))
    journal.close(loaded=loaded)
    assert not journal._syncer.is_alive()


def refuse_to_sync(_descriptor):
    raise OSError(5, "Input/output error")


def test_a_disk_that_fails_after_rows_were_taken_takes_no_more(make, monkeypatch):
    monkeypatch.setattr(writing, "SYNC_SECONDS", 0.05)
    failed = threading.Event()
    journal = make("second")
    journal.on_room(failed.set)
    with monkeypatch.context() as patched:
        patched.setattr(writing.os, "fdatasync", refuse_to_sync)
        journal.append(batch(0, 10))
        assert failed.wait(10)
    # the disk seems to work again, but what it lost stays lost
    with pytest.raises(JournalError, match="Input/output error") as raised:
        journal.append(batch(10, 10))
    assert isinstance(raised.value.__cause__, OSError)
    journal.note_whole()
    assert not (journal.folder / "whole").exists()
    journal.finish()
    assert ids(journal.follow()) == list(range(10))


def test_a_journal_that_cannot_be_made_leaves_nothing(make, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_private", refuse)
        with pytest.raises(JournalError, match="cannot be made: No space left") as told:
            make("second")
    assert isinstance(told.value.__cause__, OSError)
    # neither its folder nor its lock is in the way of the next
    journal = make("second")
    journal.append(batch(0, 5))
    with pytest.raises(JournalError, match="cannot be made: File exists"):
        make("second")
    assert journal.folder.exists()
    assert [path.name for path in records.segments(journal.folder)]


def test_a_file_of_committed_rows_that_cannot_be_removed_is_in_nobodys_way(
    make, monkeypatch
):
    journal = make()
    journal.append(batch(0, 10))
    assert ids([next(journal.follow())]) == list(range(10))

    def refuse(_path):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(type(journal.folder), "unlink", refuse)
        journal.committed(10)
    journal.append(batch(10, 10))
    assert ids([next(journal.follow())]) == list(range(10, 20))


def test_rows_that_are_committed_need_no_disk(make, monkeypatch):
    journal = make("second")
    journal.append(batch(0, 10))
    assert ids([next(journal.follow())]) == list(range(10))
    with monkeypatch.context() as patched:
        patched.setattr(writing.os, "fdatasync", refuse_to_sync)
        journal.committed(10)
    assert records.segments(journal.folder) == []


@pytest.mark.parametrize("sync", ["always", "second", "off"])
def test_the_names_of_a_journals_files_reach_the_disk(tmp_path, monkeypatch, sync):
    synced = []
    monkeypatch.setattr(segments, "sync_folder", synced.append)
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1)
    folder = tmp_path / "journal" / "run-1"
    journal = Journal(folder, JournalOptions(sync, 1 << 20), {})
    for start in (0, 10):
        journal.append(batch(start, 10))
    journal.close(loaded=True)
    names = [folder.parent, folder, folder]
    assert synced == ([] if sync == "off" else names)


def test_a_file_whose_name_does_not_reach_the_disk_takes_nothing(make, monkeypatch):
    journal = make("always")

    def refuse(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments, "sync_folder", refuse)
    with pytest.raises(JournalError, match="cannot be made: No space left"):
        journal.append(batch(0, 10))
    monkeypatch.undo()
    journal.append(batch(0, 10))
    journal.finish()
    assert ids(journal.follow()) == list(range(10))


def test_a_journal_is_full_until_there_is_room_whoever_waits_for_it(make):
    journal = make(max_bytes=1500)
    assert journal.try_append(batch(0, 10))
    assert not journal.is_full
    # nobody is blocked by this, and yet there is no room
    assert not journal.try_append(batch(10, 30))
    assert journal.is_full
    next(journal.follow())
    journal.committed(10)
    assert not journal.is_full


def test_what_nobody_can_give_again_is_taken_at_the_end_without_room(make):
    journal = make(max_bytes=1200)
    journal.append(batch(0, 10))
    waiting = threading.Thread(
        target=journal.append, args=(batch(10, 30),), kwargs={"once": True}
    )
    waiting.start()
    wait_until(lambda: journal.is_full, seconds=10)
    journal.finish()
    assert ids(journal.follow()) == list(range(40))
    waiting.join(10)
    with pytest.raises(QueueClosedError, match="closed"):
        journal.append(batch(40, 1))
    # its run failed meanwhile: who recovers it finds this as well
    journal.append(batch(40, 1), once=True)
    assert journal.rows == 41
    journal.close(loaded=False)
    with pytest.raises(QueueClosedError, match="closed"):
        journal.append(batch(41, 1), once=True)


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("taken", [0, 10])
def test_a_journal_of_which_nothing_waits_leaves_no_folder(make, late, taken):
    journal = make(takes_effect_late=late)
    if taken:
        journal.append(batch(0, taken))
    # the rows after these were loaded from memory: the disk had refused them
    journal.committed(taken + 5)
    assert journal.waiting == 0
    journal.close(loaded=False)
    assert journal.folder.exists() == bool(late and taken)


class Sliced:
    """Gives three batches of rows that it has taken at once."""

    rows_taken = 30

    begun = None

    def take_no_more(self):
        """End after those: there are no others."""

    def __iter__(self):
        if self.begun:
            self.begun()
        for first in (0, 10, 20):
            yield batch(first, 10)


def test_a_source_that_is_stopped_hands_over_all_that_it_took(make):
    journal = make()
    sliced = Sliced()
    source = JournaledSource(sliced, journal)
    sliced.begun = source.stop
    assert ids(source) == list(range(30))


def test_what_a_disk_refuses_is_loaded_from_memory_to_its_last_row(make, monkeypatch):
    journal = make()
    write = segments.write_all

    def refuse(file, data):
        if b"row 10" in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, data)

    monkeypatch.setattr(segments, "write_all", refuse)
    source = JournaledSource(Sliced(), journal)
    taken = []
    with pytest.raises(JournalError, match="No space left"):
        taken.extend(source)
    assert ids(taken) == list(range(30))
    assert source.lost_rows == 20
    journal.committed(30)
    assert source.lost_rows == 0


def test_a_source_whose_run_failed_is_left_with_its_rows_in_the_journal(
    make, monkeypatch
):
    # one that waits for room hands over nothing more, however long it is given
    monkeypatch.setattr(feeding, "GRACE_SECONDS", 0.01)
    journal = make(max_bytes=2_000)
    given = []

    def rows():
        for number in range(1_000_000):
            given.append(number)
            yield {"id": number}

    generator = rows()
    options = SourceOptions(chunk_rows=100)
    source = JournaledSource(ItemSource(generator, options, name="rows"), journal)
    following = iter(source)
    next(following)
    wait_until(lambda: journal.is_full, seconds=10)
    source.close()
    assert not source.is_producing()
    assert journal.rows == len(given)
    assert source.lost_rows == 0
    # its caller may go on with it
    assert next(generator) == {"id": len(given) - 1}


def frames():
    while True:
        yield pl.DataFrame({"id": range(100)})


def reader():
    rows = pa.record_batch({"id": pa.array(range(100))})
    return pa.RecordBatchReader.from_batches(rows.schema, itertools.repeat(rows))


@pytest.mark.parametrize(
    "source",
    [
        ItemSource(frames(), SourceOptions(chunk_rows=10), name="frames"),
        open_frame(reader(), SourceOptions(chunk_rows=10)),
    ],
    ids=["frames", "reader"],
)
def test_a_frame_that_was_taken_is_kept_to_its_last_row(make, monkeypatch, source):
    """It is many batches, and nobody else has its other rows."""
    journal = make()
    journaled = JournaledSource(source, journal)
    append = journal.append

    def stop_and_append(batch, **told):
        if not journal.rows:
            journaled.stop()
        append(batch, **told)

    monkeypatch.setattr(journal, "append", stop_and_append)
    assert ids(journaled) == list(range(100))
