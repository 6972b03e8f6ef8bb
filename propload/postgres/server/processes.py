"""Find the processes that run in a cluster's folder, and check the user they need."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import psutil

from propload.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def works_in(pid: int, folder: Path, /) -> bool:
    """Return whether a folder is the working directory of a process."""
    try:
        return os.path.realpath(psutil.Process(pid).cwd()) == os.path.realpath(folder)
    except (psutil.Error, OSError):
        return False


def is_hidden_server(pid: int, /) -> bool:
    """Return whether a process is a server whose working directory is hidden."""
    try:
        process = psutil.Process(pid)
        return _hides_folder(process) and process.name() == "postgres"
    except (psutil.Error, OSError):
        # the process has ended meanwhile
        return False


def _hides_folder(process: psutil.Process) -> bool:
    try:
        process.cwd()
    except psutil.AccessDenied:
        return True
    return False


def any_works_in(folder: Path, /) -> bool:
    """Return whether a folder is the working directory of any process."""
    return any(works_in(pid, folder) for pid in psutil.pids())


def require_name() -> None:
    """Raise if the current user has no name, without which `initdb` refuses to run.

    Raises:
        ConfigError: The user id has no name on this machine, as in a container that
            runs with an arbitrary id.
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
