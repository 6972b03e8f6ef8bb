"""What is on disk when, and a disk that refuses."""

import errno
import os
import resource
import threading
from contextlib import contextmanager, suppress

import pytest

from propload.errors import JournalError
from propload.journal import (
    Journal,
    JournalOptions,
    records,
    segments,
    writing,
)
from tests.unit.journal.batches import batch, ids

pytestmark = pytest.mark.timeout(20)


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


@contextmanager
def no_file_more():
    """Let this process open no file more in the block."""
    limits, held = resource.getrlimit(resource.RLIMIT_NOFILE), []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for file in held:
            os.close(file)


def test_rows_that_no_file_is_left_to_sync_by_are_not_taken_for_synced(
    make, monkeypatch
):
    monkeypatch.setattr(writing, "SYNC_SECONDS", 0.05)
    failed = threading.Event()
    journal = make("second")
    journal.append(batch(0, 5))
    journal.on_room(failed.set)
    with no_file_more():
        journal.append(batch(5, 5))
        assert failed.wait(10)
    with pytest.raises(JournalError, match="Too many open files"):
        journal.append(batch(10, 10))
    journal.finish()
    assert ids(journal.follow()) == list(range(10))


def test_a_journal_that_cannot_be_made_leaves_nothing(make, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_private", refuse)
        with pytest.raises(
            JournalError, match="cannot be created: No space left"
        ) as told:
            make("second")
    assert isinstance(told.value.__cause__, OSError)
    # neither its folder nor its lock is in the way of the next
    journal = make("second")
    journal.append(batch(0, 5))
    with pytest.raises(JournalError, match="cannot be created: File exists"):
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
        journal.note_committed(10)
    journal.append(batch(10, 10))
    assert ids([next(journal.follow())]) == list(range(10, 20))


def test_rows_that_are_committed_need_no_disk(make, monkeypatch):
    journal = make("second")
    journal.append(batch(0, 10))
    assert ids([next(journal.follow())]) == list(range(10))
    with monkeypatch.context() as patched:
        patched.setattr(writing.os, "fdatasync", refuse_to_sync)
        journal.note_committed(10)
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
    with pytest.raises(JournalError, match="cannot be created: No space left"):
        journal.append(batch(0, 10))
    monkeypatch.undo()
    journal.append(batch(0, 10))
    journal.finish()
    assert ids(journal.follow()) == list(range(10))


@pytest.mark.parametrize("place", ["write", "noted", "added"])
@pytest.mark.parametrize("segment_bytes", [1, 1 << 20])
@pytest.mark.parametrize("recent_bytes", [0, 1 << 20])
def test_an_interrupt_leaves_a_journal_as_it_was_before_a_record_or_after_it(
    make, monkeypatch, place, segment_bytes, recent_bytes
):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", segment_bytes)
    monkeypatch.setattr(writing, "RECENT_BYTES", recent_bytes)
    journal = make()
    journal.append(batch(0, 5))

    def interrupted(function):
        def call(*values):
            function(*values)
            raise KeyboardInterrupt

        return call

    target = {
        "write": (segments, "write_all"),
        "noted": (journal._segments, "add"),
        "added": (journal._pending, "add"),
    }[place]
    with monkeypatch.context() as patched:
        patched.setattr(*target, interrupted(getattr(*target)))
        with pytest.raises(KeyboardInterrupt):
            journal.append(batch(5, 20))
    assert journal.rows == (25 if place == "added" else 5)
    expected = [*range(journal.rows), 100, 101]
    journal.append(batch(100, 2))
    journal.finish()
    paths = records.segments(journal.folder)
    held = sum(path.stat().st_size for path in paths)
    assert journal._segments.nbytes == held
    on_disk = records.read_segments(journal.folder, records.TornTail())
    assert ids(record.batch for record in on_disk) == expected
    assert ids(journal.follow()) == expected


def test_what_an_interrupt_left_on_disk_is_cut_off_before_the_next_record(
    make, monkeypatch
):
    journal = make()
    journal.append(batch(0, 5))

    def interrupted(file, data):
        os.write(file, data[:50])
        raise KeyboardInterrupt

    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(segments.os, "ftruncate", refuse)
        with monkeypatch.context() as written:
            written.setattr(segments, "write_all", interrupted)
            with pytest.raises(KeyboardInterrupt):
                journal.append(batch(5, 5))
        with pytest.raises(JournalError, match=r"cannot be cut off: Input/output"):
            journal.append(batch(5, 5))
    assert journal.rows == 5
    journal.append(batch(5, 5))
    journal.finish()
    on_disk = records.read_segments(journal.folder, records.TornTail())
    assert ids(record.batch for record in on_disk) == list(range(10))


def test_rows_that_a_disk_refuses_and_does_not_let_go_are_not_called_safe(
    make, monkeypatch
):
    journal = make("always")
    journal.append(batch(0, 5))

    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(segments.os, "fdatasync", refuse)
        patched.setattr(segments.os, "ftruncate", refuse)
        with pytest.raises(JournalError, match="a recovery may load them"):
            journal.append(batch(5, 5))
    journal.append(batch(5, 5))
    journal.finish()
    assert ids(journal.follow()) == list(range(10))


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_file_of_a_name_that_was_used_before_is_cut_off_where_it_is_told(
    make, monkeypatch, fault
):
    journal = make()
    # a record without rows: its file goes at once, and the next one has its name
    journal.append(batch(0, 0))
    taken = journal.follow()
    next(taken)
    journal.note_committed(0)
    write_all = segments.write_all

    def fail(file, data):
        write_all(file, data[: len(data) // 2])
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(segments, "write_all", fail)
        with pytest.raises((JournalError, KeyboardInterrupt)):
            journal.append(batch(0, 300))
    journal.append(batch(0, 300))
    journal.finish()
    on_disk = records.read_segments(journal.folder, records.TornTail())
    assert ids(record.batch for record in on_disk) == list(range(300))
    assert ids(taken) == list(range(300))
