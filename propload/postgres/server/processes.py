"""The processes that work in a cluster's folder, and the user who has them."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import psutil

from propload.errors import ConfigError

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
    """Return whether any process has a folder for its working directory."""
    return any(works_in(pid, folder) for pid in psutil.pids())


def require_name() -> None:
    """Refuse a user whom the machine does not know: PostgreSQL makes no data for it.

    Raises:
        ConfigError: A container runs as a number that has no name there.
    """
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        msg = (
            f"the embedded database cannot be created by user {os.geteuid()}, who has "
            "no name on this machine: add that user to /etc/passwd, run propload as "
            "another one, or name a server (--to)"
        )
        raise ConfigError(msg) from None
