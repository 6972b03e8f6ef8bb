"""Files and folders that only their owner may read."""

from __future__ import annotations

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
