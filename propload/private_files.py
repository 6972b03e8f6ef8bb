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


#: A look whether a lock is held takes less; jobs of one timetable look at once.
_LOOK_SECONDS = 0.01

#: The descriptors that hold a lock, or are about to.
_HELD: set[int] = set()


def make_private_folder(path: Path) -> None:
    """Make a folder, and its parents, that only its owner may enter."""
    if path.is_dir():
        return
    make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Put a folder's list of files on the disk itself.

    A file that is on disk is lost in a power cut where its name is not.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some file systems of networks know no such call
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def open_private(path: Path, mode: str) -> BufferedWriter:
    """Open a file for bytes that only its owner may read."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    make_private_folder(path.parent)
    # Path.open takes no opener, and without one the file is public for a moment
    return cast("BufferedWriter", open(path, mode, opener=opener))


def write_private(path: Path, text: bytes, *, add: bool = False) -> None:
    """Write bytes to a private file and to the disk itself.

    Args:
        path: The file.
        text: What is written.
        add: Whether it is added to what is there; else it replaces that. Where there
            is no room, nothing is added.
    """
    is_new = not path.exists()
    kept = path.stat().st_size if add and not is_new else 0
    try:
        with open_private(path, "ab" if add else "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # half a line would take the next one along
        with suppress(OSError):
            os.truncate(path, kept)
        raise
    if is_new:
        sync_folder(path.parent)


def replace_private(path: Path, text: bytes) -> None:
    """Write bytes to a private file, which holds all of them or what it held."""
    _replace(path, text, like=None)


def replace_public(path: Path, text: bytes) -> None:
    """Write bytes to a file of the user's, which holds all of them or what it held.

    Owner and rights stay, and a link stays one; a new file is private.
    """
    place = path.resolve()
    _replace(place, text, like=place.stat() if place.exists() else None)


def _replace(path: Path, text: bytes, *, like: os.stat_result | None) -> None:
    with atomic_write(path, like=like) as aside:
        write_private(aside, text)


@contextmanager
def atomic_write(path: Path, /, *, like: os.stat_result | None) -> Iterator[Path]:
    """Give a file to write that takes the place of another once it is whole.

    Args:
        path: That one; it stays as it is where the block raises.
        like: Whose owner and rights the file gets; None leaves its own.
    """
    # in a shared folder another user may have put a link where a name can be foreseen
    aside = path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
    try:
        yield aside
        if like is not None:
            # another's file that is in a shared folder becomes the writer's
            with suppress(PermissionError):
                os.chown(aside, like.st_uid, like.st_gid)
            aside.chmod(stat.S_IMODE(like.st_mode))
        aside.replace(path)
        sync_folder(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def lock_private(path: Path) -> int:
    """Return a file descriptor that holds a file's lock; see `unlock`.

    Args:
        path: The file; made where it is missing.

    Raises:
        BlockingIOError: Another process holds it.
    """
    make_private_folder(path.parent)
    return lock_file(path)


def lock_file(path: Path) -> int:
    """Return what `lock_private` returns; the file's folder is not made.

    Who only looks whether it is held (`is_locked`) keeps nobody from it.

    Raises:
        BlockingIOError: Another process holds it.
        FileNotFoundError: There is no such folder.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        _HELD.add(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            unlock(descriptor)
            if _is_held(path):
                raise
            time.sleep(_LOOK_SECONDS)
            continue
        except BaseException:
            unlock(descriptor)
            raise
        # its holder has removed the file: others lock the new one
        unlock(descriptor)


def unlock(descriptor: int) -> None:
    """Give back the lock that a file descriptor holds, and close it."""
    # a fork that comes right now would keep what is only closed
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    # before its number may be another file's
    _HELD.discard(descriptor)
    os.close(descriptor)


def _let_go_in_fork() -> None:
    """Hold no lock of the parent's: it would be held as long as the fork lives.

    The numbers stay taken, as what the fork has inherited may close them.
    """
    if not _HELD:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in _HELD:
        os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)
    _HELD.clear()


os.register_at_fork(after_in_child=_let_go_in_fork)


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
    """Return whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116 - a descriptor beside it
    except FileNotFoundError:
        return False
