"""The embedded database: a real PostgreSQL from a wheel, started on demand.

The server runs until `stop` (`propload db stop`): it serves every process that uses the
state folder, so none of them may stop it when it exits. The wheel's own start-up code
is not used: it makes folders accessible to other users, and stops the server when the
process that started it ends.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from propload.config import commands_for
from propload.errors import ConfigError
from propload.postgres.server import root_server
from propload.postgres.server.address import with_libpq_defaults
from propload.postgres.server.bundled import bundled_programs
from propload.postgres.server.cluster import Cluster, locked
from propload.postgres.server.programs import StopCheck, never_stop
from propload.state.state_folder import make_state_folder, require_usable, user_name

_ALTERNATIVES = (
    "name another state folder (--state-dir FOLDER, or PROPLOAD_STATE_DIR), or another "
    "server (--to)"
)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the embedded database.

    Attributes:
        running: Whether it accepts connections.
        pid: The server's process id, or None.
        version: The major version of PostgreSQL that created its data, or None if
            there is no data yet.
        url: Its connection string, without a password.
        folder: The folder of its files.
        log: Its log file.
        size_bytes: The total size of its files.
    """

    running: bool
    pid: int | None
    version: int | None
    url: str
    folder: Path
    log: Path
    size_bytes: int


def start(state_dir: Path, /, *, should_stop: StopCheck = never_stop) -> str:
    """Start the embedded database if necessary; return its connection string.

    It is that of `url`, with all parameters that libpq would otherwise take from the
    environment.

    Args:
        state_dir: propload's state folder; the database is `embedded` in it.
        should_stop: Returns whether to stop waiting.

    Raises:
        ConfigError: The server's package is missing or cannot run here, or the
            state folder cannot be written.
        WriteError: The server does not start; the message ends with its log.
        KeyboardInterrupt: `should_stop` returned True; no server was left running.
    """
    make_state_folder(state_dir)
    _require_own(state_dir)
    cluster = _cluster(state_dir)
    if not cluster.is_ready():
        with locked(_lock(state_dir), should_stop=should_stop):
            if not cluster.is_ready():  # another process may have started it
                _start(state_dir, cluster, should_stop)
    return with_libpq_defaults(cluster.dsn)


def stop(state_dir: Path, /) -> bool:
    """Stop the embedded database; return whether it was running.

    Raises:
        ConfigError: It belongs to another user.
        WriteError: It does not stop.
    """
    cluster = _cluster(state_dir)
    if not state_dir.exists() and not cluster.home.exists():
        return False
    make_state_folder(state_dir)
    _require_own(state_dir)
    with locked(_lock(state_dir)):
        return cluster.stop()


def status(state_dir: Path, /) -> ServerStatus:
    """Return what is known of the embedded database, without starting it."""
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
    """Return whether the embedded database exists, running or not."""
    # its programs may be missing: nothing is run
    return Cluster(_home(state_dir), programs=Path()).version() is not None


def url(state_dir: Path, /) -> str:
    """Return the connection string to show to people, even if no server runs."""
    return _cluster(state_dir).dsn


def destroy(state_dir: Path, /) -> None:
    """Stop the embedded database and delete it with all its rows.

    Raises:
        ConfigError: It belongs to another user; nothing is deleted.
        WriteError: The server does not stop; nothing is deleted.
    """
    cluster = _cluster(state_dir)
    # root's cluster is elsewhere, and may exist without the state folder
    if not state_dir.exists() and not cluster.home.exists():
        return
    make_state_folder(state_dir)
    _require_own(state_dir)
    with locked(_lock(state_dir)):
        cluster.remove()
        link = state_dir / "embedded"
        if link.is_symlink():
            link.unlink()


def _cluster(state_dir: Path) -> Cluster:
    home, commands = _home(state_dir), commands_for(state_dir)
    if os.geteuid():
        return Cluster(home, bundled_programs(), commands=commands)
    programs, account = root_server.root_programs(), root_server.account_name()
    return Cluster(home, programs, account, commands=commands)


def _home(state_dir: Path) -> Path:
    folder = Path(os.path.realpath(state_dir))
    if os.geteuid():
        return folder / "embedded"
    _require_no_other(folder)
    return root_server.home_of(folder)


def _lock(state_dir: Path) -> Path:
    return state_dir / "embedded.lock"


def _require_own(state_dir: Path) -> None:
    """Raise if the embedded database belongs to another user.

    Raises:
        ConfigError: It belongs to root, or this user may not use its files.
    """
    home = state_dir / "embedded"
    if os.geteuid() and home.is_symlink():
        msg = (
            f"the embedded database of {state_dir} belongs to root: run propload as "
            f"root, {_ALTERNATIVES}"
        )
        raise ConfigError(msg)
    require_usable(state_dir, _lock(state_dir), os.R_OK | os.W_OK)
    require_usable(state_dir, home, os.R_OK | os.W_OK | os.X_OK)


def _require_no_other(state_dir: Path) -> None:
    """Raise if root uses a state folder that has the database of another user.

    Raises:
        ConfigError: The database is in the state folder; root's would be elsewhere.
    """
    home = state_dir / "embedded"
    if home.is_dir() and not home.is_symlink():
        owner = user_name(home.stat().st_uid)
        msg = (
            f"the embedded database of {state_dir} belongs to {owner}, and root cannot "
            f"run it there: run propload as {owner}, {_ALTERNATIVES}"
        )
        raise ConfigError(msg)


def _require_complete(cluster: Cluster) -> None:
    """Raise if the folder of the data holds files, but not the one that says of what.

    Raises:
        ConfigError: The database is damaged.
    """
    data = cluster.data
    if cluster.version() is None and data.is_dir() and any(data.iterdir()):
        msg = (
            f"{data} holds files, but no PG_VERSION: the database is damaged. Restore "
            "the folder from a backup, or remove it with "
            f"`{cluster.commands.destroy_database()}`"
        )
        raise ConfigError(msg)


def _start(state_dir: Path, cluster: Cluster, should_stop: StopCheck) -> None:
    _require_complete(cluster)
    if cluster.account:
        root_server.make_ready(cluster.programs)
        link = state_dir / "embedded"
        if not link.is_symlink():
            link.symlink_to(cluster.home)
    cluster.start(should_stop=should_stop)


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).lstat().st_size
            except OSError:  # the server deletes files all the time
                continue
    return total
