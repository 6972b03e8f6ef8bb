"""Files and folders that only their owner may read, and locks between processes."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from io import BufferedWriter
    from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Make a folder, and its parents, that only its owner may enter."""
    if not path.parent.exists():
        make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


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
        add: Whether it is added to what is there; else it replaces that.
    """
    with open_private(path, "ab" if add else "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def lock_private(path: Path, *, wait: bool) -> int:
    """Return a file descriptor that holds a file's lock while it is open.

    Args:
        path: The file; made where it is missing.
        wait: Whether to wait until other processes have let go.

    Raises:
        BlockingIOError: Another process holds it, and nobody is to wait.
    """
    make_private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
