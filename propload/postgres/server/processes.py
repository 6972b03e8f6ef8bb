"""The processes that work in a cluster's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path


def works_in(pid: int, folder: Path, /) -> bool:
    """Return whether a process has a folder for its working directory."""
    try:
        return os.path.realpath(psutil.Process(pid).cwd()) == os.path.realpath(folder)
    except (psutil.Error, OSError):
        return False


def is_hidden_server(pid: int, /) -> bool:
    """Return whether a process is a server whose folder this user may not see."""
    try:
        process = psutil.Process(pid)
        return _hides_folder(process) and process.name() == "postgres"
    except (psutil.Error, OSError):
        # it has ended meanwhile
        return False


def _hides_folder(process: psutil.Process) -> bool:
    try:
        process.cwd()
    except psutil.AccessDenied:
        return True
    return False


def any_works_in(folder: Path, /) -> bool:
    """Return whether any process has it."""
    return any(works_in(pid, folder) for pid in psutil.pids())
