import errno
import os
import socket
from pathlib import Path

import pytest

from propload.private_files import (
    atomic_write,
    lock_file,
    lock_private,
    replace_private,
    unlock,
    write_private,
)

pytestmark = pytest.mark.timeout(20)


def test_lock_on_a_removed_file_blocks_nobody(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "lock"
    first = lock_private(path)
    with pytest.raises(BlockingIOError):
        lock_file(path)
    path.unlink()
    second = lock_file(path)
    os.close(first)
    os.close(second)
    opening = os.open

    def open_then_unlink(*arguments):
        descriptor = opening(*arguments)
        monkeypatch.undo()
        path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_then_unlink)
    third = lock_file(path)
    with pytest.raises(BlockingIOError):
        lock_file(path)
    os.close(third)


def test_forked_child_does_not_hold_its_parents_locks(tmp_path):
    path = tmp_path / "lock"
    held, given_back = lock_private(path), lock_private(tmp_path / "other")
    unlock(given_back)
    ours, childs = socket.socketpair()
    child = os.fork()
    if not child:
        # inherited objects may do this: the number must not be another file's by now
        unlock(held)
        childs.send(b"!")
        childs.recv(1)
        os._exit(0)
    try:
        assert ours.recv(1) == b"!"
        with pytest.raises(BlockingIOError):
            lock_file(path)
        # as the end of a process does, which a fork may outlive
        os.close(held)
        unlock(lock_file(path))
    finally:
        ours.send(b"!")
        _, status = os.waitpid(child, 0)
        ours.close()
        childs.close()
    assert status == 0


def test_locking_in_a_missing_folder_does_not_create_it(tmp_path):
    with pytest.raises(FileNotFoundError):
        lock_file(tmp_path / "gone" / "lock")
    assert list(tmp_path.iterdir()) == []


def test_replaced_file_is_private_and_leaves_no_other_file(tmp_path):
    path = tmp_path / "notes"
    replace_private(path, b"old")
    replace_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def synced(monkeypatch):
    """Record the paths that are flushed to disk, in order."""
    paths, sync = [], os.fsync

    def record(descriptor):
        paths.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return paths


def test_folders_are_flushed_with_new_and_replaced_files(tmp_path, synced):
    path = tmp_path / "folder" / "notes"
    write_private(path, b"one")
    assert synced == [tmp_path, path, path.parent]
    synced.clear()
    write_private(path, b"two", add=True)
    assert synced == [path]
    synced.clear()
    replace_private(path, b"three")
    assert synced[-1] == path.parent


def test_unsupported_folder_sync_is_ignored_but_a_disk_error_raised(
    tmp_path, monkeypatch
):
    def refuse(number):
        def fsync(descriptor):
            if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
                raise OSError(number, os.strerror(number))

        return fsync

    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    write_private(tmp_path / "a", b"x")
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        write_private(tmp_path / "b", b"x")


def test_temporary_file_has_an_unpredictable_name(tmp_path):
    """In a shared folder, another user could place a link under a known name."""
    path = tmp_path / "rows.csv"
    names = set()
    for _ in range(3):
        with atomic_write(path, like=None) as temporary:
            names.add(temporary.name)
            temporary.write_bytes(b"id")
    assert len(names) == 3
    assert path.read_bytes() == b"id"
    assert list(tmp_path.iterdir()) == [path]
