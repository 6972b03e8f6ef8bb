"""Files and folders that only their owner may read, and locks between processes."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedWriter
    from pathlib import Path


#: Seconds before the next attempt at a lock that only an `is_locked` holds, which takes
#: less. Jobs that are scheduled for the same moment call it at the same moment.
_RETRY_SECONDS = 0.01

#: The descriptors of this process that hold a lock, or are about to.
_LOCK_DESCRIPTORS: set[int] = set()


def make_private_folder(path: Path) -> None:
    """Make a folder, and its missing parents, that only their owner may enter."""
    if path.is_dir():
        return
    make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Flush a folder's list of files to disk.

    A power cut loses a file, even one that was flushed, if its name was not.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some network file systems do not support it
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def open_private(path: Path, mode: str) -> BufferedWriter:
    """Open a binary file that only its owner may read."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    make_private_folder(path.parent)
    # Path.open takes no opener, and without one the file would be public for a moment
    return cast("BufferedWriter", open(path, mode, opener=opener))


def write_private(path: Path, text: bytes, *, add: bool = False) -> None:
    """Write bytes to a private file and flush it to disk.

    Args:
        path: The file.
        text: The bytes.
        add: Whether they are appended to the file instead of replacing its content.
            If the disk has no room for them, nothing is appended.
    """
    is_new = not path.exists()
    previous_size = path.stat().st_size if add and not is_new else 0
    try:
        with open_private(path, "ab" if add else "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # the next line would be appended to half a line, and be lost with it
        with suppress(OSError):
            os.truncate(path, previous_size)
        raise
    if is_new:
        sync_folder(path.parent)


def replace_private(path: Path, text: bytes) -> None:
    """Replace the content of a private file atomically."""
    _replace(path, text, like=None)


def replace_public(path: Path, text: bytes) -> None:
    """Replace the content of a user's file atomically.

    It keeps its owner and permissions, and a symbolic link stays one; a new file is
    private.
    """
    place = path.resolve()
    _replace(place, text, like=place.stat() if place.exists() else None)


def _replace(path: Path, text: bytes, *, like: os.stat_result | None) -> None:
    with atomic_write(path, like=like) as temporary:
        write_private(temporary, text)


@contextmanager
def atomic_write(path: Path, /, *, like: os.stat_result | None) -> Iterator[Path]:
    """Yield the path of a file to write, which replaces another when the block ends.

    Args:
        path: The file to replace; it stays as it is if the block raises.
        like: Whose owner and permissions the new file gets; None leaves its own.
    """
    # in a shared folder another user could place a link under a predictable name
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
    try:
        yield temporary
        if like is not None:
            # in a shared folder, another user's file becomes the writer's
            with suppress(PermissionError):
                os.chown(temporary, like.st_uid, like.st_gid)
            temporary.chmod(stat.S_IMODE(like.st_mode))
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def lock_private(path: Path) -> int:
    """Return a file descriptor that holds a file's lock; see `unlock`.

    Args:
        path: The file; created if it is missing.

    Raises:
        BlockingIOError: Another process holds the lock.
    """
    make_private_folder(path.parent)
    return lock_file(path)


def lock_file(path: Path) -> int:
    """Return what `lock_private` returns, without making the file's folder.

    An `is_locked` in another process, which takes the lock for a moment, is waited for.

    Raises:
        BlockingIOError: Another process holds the lock.
        FileNotFoundError: There is no such folder.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        _LOCK_DESCRIPTORS.add(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            unlock(descriptor)
            if _is_held(path):
                raise
            time.sleep(_RETRY_SECONDS)
            continue
        except BaseException:
            unlock(descriptor)
            raise
        # the previous holder has removed the file: others would lock a new one
        unlock(descriptor)


def unlock(descriptor: int) -> None:
    """Release the lock that a file descriptor holds, and close it."""
    # if it were only closed, a fork at this moment would keep the lock
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    # before closing, after which another file may get its number
    _LOCK_DESCRIPTORS.discard(descriptor)
    os.close(descriptor)


def _release_locks_after_fork() -> None:
    """Give up the parent's locks, which would be held as long as the fork lives.

    The descriptor numbers stay in use, because inherited objects may close them.
    """
    if not _LOCK_DESCRIPTORS:
        return
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in _LOCK_DESCRIPTORS:
        os.dup2(null, descriptor, inheritable=False)
    os.close(null)
    _LOCK_DESCRIPTORS.clear()


os.register_at_fork(after_in_child=_release_locks_after_fork)


def is_locked(path: Path) -> bool:
    """Return whether somebody holds a file's lock.

    Raises:
        OSError: The file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_held(path: Path) -> bool:
    try:
        return is_locked(path)
    except FileNotFoundError:
        return False


def is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file is still the one at the path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116 - like fstat beside it
    except FileNotFoundError:
        return False
