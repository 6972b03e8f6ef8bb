"""When rows of a journal reach the disk, and what happens if the disk fails."""

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


def test_files_are_private(make_journal):
    journal = make_journal()
    journal.append(batch(0, 3))
    assert journal.folder.stat().st_mode & 0o777 == 0o700
    modes = {path.stat().st_mode & 0o777 for path in journal.folder.iterdir()}
    assert modes == {0o600}


def test_failed_write_raises_a_journal_error_and_can_be_repeated(
    make_journal, monkeypatch
):
    journal = make_journal()
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


def test_rows_are_synced_before_the_journal_is_noted_as_whole(
    make_journal, monkeypatch
):
    journal = make_journal("second")
    journal.append(batch(0, 5))
    steps = []
    sync, write_note = writing.os.fdatasync, writing.write_private
    monkeypatch.setattr(
        writing.os, "fdatasync", lambda file: (steps.append("rows"), sync(file))
    )
    monkeypatch.setattr(
        writing,
        "write_private",
        lambda *arguments: (steps.append("note"), write_note(*arguments)),
    )
    journal.note_whole()
    journal.append(batch(5, 5))
    journal.finish()
    assert steps[steps.index("note") - 1] == "rows"
    assert ids(journal.follow()) == list(range(10))


def test_last_rows_are_synced_even_if_no_more_follow(make_journal, monkeypatch):
    synced, sync = threading.Event(), writing.os.fdatasync
    monkeypatch.setattr(writing, "SYNC_SECONDS", 0.05)
    monkeypatch.setattr(
        writing.os, "fdatasync", lambda file: (sync(file), synced.set())
    )
    journal = make_journal("second")
    journal.append(batch(0, 10))
    # as in a run that was told to stop and still waits for its server
    journal.finish()
    assert synced.wait(10)
    journal._syncer.join(10)
    assert not journal._syncer.is_alive()


@pytest.mark.parametrize("loaded", [True, False])
def test_close_does_not_wait_for_the_next_due_sync(make_journal, monkeypatch, loaded):
    # if closing waited for the sync, the test would time out
    monkeypatch.setattr(writing, "SYNC_SECONDS", 1_000)
    journal = make_journal("second")
    journal.append(batch(0, 10))
    journal.close(loaded=loaded)
    assert not journal._syncer.is_alive()


def refuse_to_sync(_descriptor):
    raise OSError(5, "Input/output error")


def test_journal_takes_no_more_rows_after_a_failed_sync(make_journal, monkeypatch):
    monkeypatch.setattr(writing, "SYNC_SECONDS", 0.05)
    failed = threading.Event()
    journal = make_journal("second")
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
def no_more_files():
    """Let this process open no more files in the block."""
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


def test_sync_that_fails_for_lack_of_files_counts_as_failed(make_journal, monkeypatch):
    monkeypatch.setattr(writing, "SYNC_SECONDS", 0.05)
    failed = threading.Event()
    journal = make_journal("second")
    journal.append(batch(0, 5))
    journal.on_room(failed.set)
    with no_more_files():
        journal.append(batch(5, 5))
        assert failed.wait(10)
    with pytest.raises(JournalError, match="Too many open files"):
        journal.append(batch(10, 10))
    journal.finish()
    assert ids(journal.follow()) == list(range(10))


def test_journal_that_cannot_be_created_leaves_nothing_behind(
    make_journal, monkeypatch
):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_private", refuse)
        with pytest.raises(
            JournalError, match="cannot be created: No space left"
        ) as raised:
            make_journal("second")
    assert isinstance(raised.value.__cause__, OSError)
    # neither its folder nor its lock blocks the next journal
    journal = make_journal("second")
    journal.append(batch(0, 5))
    with pytest.raises(JournalError, match="cannot be created: File exists"):
        make_journal("second")
    assert journal.folder.exists()
    assert [path.name for path in records.segments(journal.folder)]


def test_committed_file_that_cannot_be_deleted_is_ignored(make_journal, monkeypatch):
    journal = make_journal()
    journal.append(batch(0, 10))
    assert ids([next(journal.follow())]) == list(range(10))

    def refuse(_path):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(type(journal.folder), "unlink", refuse)
        journal.note_committed(10)
    journal.append(batch(10, 10))
    assert ids([next(journal.follow())]) == list(range(10, 20))


def test_committed_rows_are_dropped_without_a_sync(make_journal, monkeypatch):
    journal = make_journal("second")
    journal.append(batch(0, 10))
    assert ids([next(journal.follow())]) == list(range(10))
    with monkeypatch.context() as patched:
        patched.setattr(writing.os, "fdatasync", refuse_to_sync)
        journal.note_committed(10)
    assert records.segments(journal.folder) == []


@pytest.mark.parametrize("sync", ["always", "second", "off"])
def test_folders_are_synced_unless_syncing_is_off(tmp_path, monkeypatch, sync):
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


def test_file_whose_folder_cannot_be_synced_takes_no_rows(make_journal, monkeypatch):
    journal = make_journal("always")

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
def test_interrupt_leaves_a_record_either_complete_or_absent(
    make_journal, monkeypatch, place, segment_bytes, recent_bytes
):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", segment_bytes)
    monkeypatch.setattr(writing, "RECENT_BYTES", recent_bytes)
    journal = make_journal()
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


def test_half_record_of_an_interrupt_is_cut_off_before_the_next(
    make_journal, monkeypatch
):
    journal = make_journal()
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


def test_error_says_that_rows_may_be_loaded_if_they_cannot_be_cut_off(
    make_journal, monkeypatch
):
    journal = make_journal("always")
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
def test_failed_record_is_cut_off_in_a_file_whose_name_was_reused(
    make_journal, monkeypatch, fault
):
    journal = make_journal()
    # a record without rows: its file is deleted at once, and its name used again
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
