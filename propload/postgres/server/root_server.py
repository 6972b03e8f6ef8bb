"""Run a server for root, although PostgreSQL refuses to run as root.

Another user runs it, who cannot enter root's private folders. Clusters, and copies
of programs that only root could reach, are kept where that user can enter.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from propload.errors import ConfigError
from propload.postgres.server.bundled import (
    PACKAGE,
    bundled_programs,
    bundled_release,
)

#: The folder of root's clusters.
ROOT_HOME = Path("/var/lib/propload")
#: The account that is created to run them if the machine has no user `postgres`.
ROOT_ACCOUNT = "propload"


def home_of(state_dir: Path, /) -> Path:
    """Return the folder of root's cluster for a state folder."""
    return ROOT_HOME / hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]


def root_programs() -> Path:
    """Return the folder from which the server's account can run the programs.

    It may not exist until `make_ready` has returned.
    """
    programs = bundled_programs()
    if _is_reachable_by_all(programs / "postgres"):
        return programs
    return _path_of_copy(programs)


def make_ready(programs: Path, /) -> None:
    """Create the account that runs servers, and what it needs to run the programs.

    Args:
        programs: The folder that `root_programs` returned.

    Raises:
        ConfigError: There is no other user, and none can be created.
    """
    ROOT_HOME.mkdir(parents=True, exist_ok=True)
    # the account must be able to enter subfolders
    ROOT_HOME.chmod(0o755)
    server_account()
    _copy_programs(programs)


def server_account() -> str | None:
    """Return the system user that runs servers, or None for the current user.

    The user is created if necessary.

    Raises:
        ConfigError: This is root, and there is no other user and none can be created.
    """
    name = account_name()
    if name and not _has_account(name):
        _make_account(name)
    return name


def account_name() -> str | None:
    """Return the name of the user that is to run servers, or None for this user."""
    if os.geteuid():
        return None
    return "postgres" if _has_account("postgres") else ROOT_ACCOUNT


def _has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _make_account(name: str) -> None:
    program = shutil.which("useradd") or "/usr/sbin/useradd"
    options = ("--system", "--no-create-home", "--shell", "/usr/sbin/nologin")
    try:
        subprocess.run(  # noqa: S603 - a fixed command
            [program, *options, name], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        msg = (
            "PostgreSQL does not run as root, and no account could be created for it: "
            f"add a system user named {name}, or run propload as another user"
        )
        raise ConfigError(msg) from error


def _path_of_copy(path: Path) -> Path:
    # the programs find their libraries by a relative path, which is kept
    site = bundled_programs().parents[2]
    return ROOT_HOME / f"programs-{bundled_release()}" / path.relative_to(site)


def _copy_programs(programs: Path) -> None:
    if programs.exists() or not programs.is_relative_to(ROOT_HOME):
        return
    bundled = bundled_programs()
    libraries = bundled.parents[1].with_name(f"{PACKAGE}.libs")
    for source in (libraries, bundled.parent):  # programs last: they mark completion
        if source.exists() and not _path_of_copy(source).exists():
            _copy_readable(source, _path_of_copy(source))


def _copy_readable(source: Path, place: Path) -> None:
    """Copy a folder that only root can enter to a place that everybody can read."""
    fresh = place.with_name(f".new-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh, symlinks=True)
    for path in [fresh, *fresh.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
    parents = [p for p in place.parents if p.is_relative_to(ROOT_HOME)]
    for parent in parents:
        parent.chmod(0o755)
    try:
        fresh.rename(place)
    except OSError:
        # another process, with another state folder, may have copied it meanwhile
        shutil.rmtree(fresh, ignore_errors=True)
        if not place.exists():
            raise


def _is_reachable_by_all(path: Path) -> bool:
    return all(
        place.stat().st_mode & stat.S_IXOTH for place in (path, *path.resolve().parents)
    )
