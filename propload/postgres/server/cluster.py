"""One PostgreSQL cluster in a folder: created, started and stopped by its programs.

The server outlives the process that started it and serves all processes that use the
folder. It trusts whoever can reach its socket, which only one account can.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from propload.errors import ConfigError, WriteError
from propload.messages.suggested_commands import Commands
from propload.postgres.server.processes import (
    any_works_in,
    is_hidden_server,
    require_name,
    works_in,
)
from propload.postgres.server.programs import (
    POLL_SECONDS,
    StopCheck,
    kill,
    never_stop,
    pause,
    run_program,
)
from propload.postgres.server.server_settings import settings_text
from propload.postgres.server.spool import clear_spool, spool_of
from propload.private_files import lock_private, unlock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

USER = "postgres"
DATABASE = "propload"
PORT = 5432

#: macOS allows 103 bytes in a socket's path, Linux 107.
_SOCKET_PATH_BYTES = 103
#: Recovery after a crash replays at most `max_wal_size` of log.
_START_SECONDS = 600
_STOP_SECONDS = 120
#: How long to wait for orphans: they notice within 2 s that their parent is gone.
_ORPHAN_SECONDS = 15.0
#: At a start, a server log larger than this is truncated.
_LOG_BYTES = 10 << 20
#: Paths that need no quoting in a server setting.
_PLAIN_PATH = re.compile(r"[\w./+-]+", re.ASCII)
#: Special characters in double quotes, in which `pg_ctl` passes the path to a shell.
_SHELL_LETTERS = re.compile(r'["$`\\\n]')


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's folder and what runs it.

    Attributes:
        home: The folder of the data, the log and, if short enough, the socket.
        programs: The folder of `postgres`, `initdb` and `pg_ctl`.
        account: The system user that runs the server, or None for the current one.
        initdb_options: Options of `initdb` to use instead of the default locale, which
            orders text by bytes: that is the fastest order, and never changes.
        commands: Formats commands that find the cluster, for messages.
    """

    home: Path
    programs: Path
    account: str | None = None
    initdb_options: tuple[str, ...] = ()
    commands: Commands = field(default=Commands())

    @property
    def data(self) -> Path:
        """The folder that PostgreSQL calls its data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.home / "server.log"

    @property
    def socket_dir(self) -> Path:
        """The folder of the server's socket; its path is short and needs no quoting."""
        longest = f"{self.home}/.s.PGSQL.{PORT}"
        plain = _PLAIN_PATH.fullmatch(longest)
        if plain and len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES:
            return self.home
        # not the runtime folder of the login session: it is deleted at logout
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path("/tmp") / f"propload-{digest}"  # noqa: S108 - made private below

    @property
    def dsn(self) -> str:
        """The connection string of the cluster's database, running or not."""
        place = quote(str(self.socket_dir), safe="")
        # PGHOSTADDR in the environment would otherwise override the socket
        return f"postgresql://{USER}@/{DATABASE}?host={place}&port={PORT}&hostaddr="

    def pid(self) -> int | None:
        """Return the server's process id, or None if it is not running.

        The number in the pid file proves nothing: after a crash it may belong to any
        process. A server's working directory is its data directory; if this user may
        not see that, like root in a container, the process name has to suffice.
        """
        lines = self._pid_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        is_server = pid and (works_in(pid, self.data) or is_hidden_server(pid))
        return pid if is_server else None

    def is_ready(self) -> bool:
        """Return whether the server accepts connections."""
        # no look at the process: it may be in another container
        return self._says_ready() and self._has_own_socket() and self._answers()

    def _says_ready(self) -> bool:
        lines = self._pid_lines()
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _has_own_socket(self) -> bool:
        """Return whether nobody else can have created the socket that answers.

        After a reboot, /tmp is empty and any user could create the folder first.
        """
        if self.socket_dir == self.home:
            return True
        with contextlib.suppress(OSError):
            info = self.socket_dir.lstat()
            return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid()
        return False

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_dir / f".s.PGSQL.{PORT}"))
            except OSError:
                return False
        return True

    def start(
        self,
        *,
        settings: dict[str, str] | None = None,
        should_stop: StopCheck = never_stop,
    ) -> None:
        """Start the server and wait until it is ready; create a missing cluster first.

        Args:
            settings: Server settings in addition to propload's own.
            should_stop: Returns whether to stop waiting.

        Raises:
            ConfigError: The folder's path has a character that a shell would
                interpret, or the folder holds another version's data.
            WriteError: The server does not start; the message ends with its log.
            KeyboardInterrupt: `should_stop` returned True; what was begun is ended.
        """
        if self._wait_until_ready(should_stop):
            return
        if _SHELL_LETTERS.search(str(self.home)):
            letters = 'a line break or one of " $ ` \\'
            msg = f"{self.home} holds {letters}: use another state_dir"
            raise ConfigError(msg)
        self._make_folders()
        if not (self.data / "PG_VERSION").exists():
            self._initialize(should_stop)
        self._check_version()
        self._clear_stale_pid(should_stop)
        self._write_settings(settings or {})
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            os.truncate(self.log, 0)
        files = ("-D", str(self.data), "-l", str(self.log))
        wait = ("-w", "-t", str(_START_SECONDS), "-s", "start")
        self._run("pg_ctl", *files, *wait, should_stop=should_stop, end=self._end_start)

    def _wait_until_ready(self, should_stop: StopCheck) -> bool:
        # a server that recovers from a crash may run for long before it is ready
        began = time.monotonic()
        ready_since = began
        while not self.is_ready():
            now = time.monotonic()
            if self.pid() is None or now - began > _START_SECONDS:
                return False
            if not self._says_ready():
                ready_since = now
            elif now - ready_since > _ORPHAN_SECONDS:
                msg = (
                    f"the embedded database in {self.home} runs, but its socket in "
                    f"{self.socket_dir} cannot be reached: use another state_dir, or "
                    f"stop it where it was started ({self.commands.stop_database()})"
                )
                raise WriteError(msg)
            pause(should_stop)
        return True

    def stop(self) -> bool:
        """Stop the server; return whether it was running.

        Raises:
            WriteError: It does not stop.
        """
        if self.pid() is None and not self.is_ready():
            return False
        wait = ("-m", "fast", "-w", "-t", str(_STOP_SECONDS), "-s", "stop")
        self._run("pg_ctl", "-D", str(self.data), *wait)
        if self.socket_dir != self.home:
            shutil.rmtree(self.socket_dir, ignore_errors=True)
        return True

    def remove(self) -> None:
        """Stop the server and delete the cluster with all its rows."""
        self.stop()
        if self.socket_dir != self.home:
            shutil.rmtree(self.socket_dir, ignore_errors=True)
        if self.home.is_mount():
            # a mount point cannot be removed: it is only emptied
            for entry in self.home.iterdir():
                if not entry.is_dir():
                    entry.unlink()
                elif entry.name != "lost+found":
                    shutil.rmtree(entry)
        elif self.home.exists():
            shutil.rmtree(self.home)

    def version(self) -> int | None:
        """Return the major version of the data, or None if there is none yet."""
        file = self.data / "PG_VERSION"
        return int(file.read_text("ascii")) if file.exists() else None

    def _pid_lines(self) -> list[str]:
        try:
            # one line is the folder's path, which may be in any encoding
            content = (self.data / "postmaster.pid").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(line) for line in content.split(b"\n")]

    def _make_folders(self) -> None:
        spool = spool_of(self.socket_dir)
        for folder in (self.home, self.socket_dir, spool):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_private(folder)
        clear_spool(spool)

    def _make_private(self, path: Path) -> None:
        entry = pwd.getpwnam(self.account) if self.account else None
        if entry and path.stat().st_uid == 0:
            os.chown(path, entry.pw_uid, entry.pw_gid)
        info = path.lstat()
        owner = entry.pw_uid if entry else os.geteuid()
        if info.st_uid != owner or not stat.S_ISDIR(info.st_mode):
            msg = f"{path} belongs to another user: remove it, or use another state_dir"
            raise ConfigError(msg)
        path.chmod(0o700)

    def _initialize(self, should_stop: StopCheck) -> None:
        if self.account is None:
            require_name()
        # renamed when complete, so that a kill half-way leaves no incomplete cluster
        fresh = self.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._make_data(fresh, should_stop)
            fresh.rename(self.data)
        finally:
            # left over, with 40 MB, if it was not renamed
            shutil.rmtree(fresh, ignore_errors=True)

    def _make_data(self, fresh: Path, should_stop: StopCheck) -> None:
        options = ["-D", str(fresh), "-U", USER, "-A", "trust", "-E", "UTF8"]
        options += ["--data-checksums", "--no-instructions", "--locale=C"]
        options += self.initdb_options or self._locale()
        self._run("initdb", *options, should_stop=should_stop)
        sql = f"CREATE DATABASE {DATABASE};\n"
        single_user = ("--single", "-D", str(fresh), USER)
        self._run("postgres", *single_user, stdin_text=sql, should_stop=should_stop)
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude_if_exists = 'propload.conf'\n")

    def _locale(self) -> tuple[str, ...]:
        if self._program_version() < 17:  # the first version with a builtin locale
            return ()
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")

    def _program_version(self) -> int:
        output = self._run("postgres", "--version")
        match = re.search(r"(\d+)[.\w]*", output)
        return int(match[1]) if match else 0

    def _check_version(self) -> None:
        data_version, program_version = self.version(), self._program_version()
        if data_version != program_version:
            msg = (
                f"the database in {self.data} was created by PostgreSQL "
                f"{data_version}, but the installed server is {program_version}: "
                f"install the package's version with PostgreSQL {data_version} to dump "
                f"it, or remove it with `{self.commands.destroy_database()}`"
            )
            raise ConfigError(msg)

    def _clear_stale_pid(self, should_stop: StopCheck) -> None:
        # The server refuses to start if the process id in one of its files is in use,
        # be it by an unrelated process or by its own zombie. Both are common in
        # containers, where ids repeat and nobody reaps zombies.
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while any_works_in(self.data) and time.monotonic() < deadline:
            pause(should_stop)
        if not any_works_in(self.data):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            (self.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _write_settings(self, extra: dict[str, str]) -> None:
        text = settings_text(self.home, self.socket_dir, PORT, extra)
        file = self.data / "propload.conf"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)  # for the server's account; the folder is private

    def _run(
        self,
        program: str,
        *arguments: str,
        stdin_text: str = "",
        should_stop: StopCheck = never_stop,
        end: Callable[[subprocess.Popen[str]], None] = kill,
    ) -> str:
        code, output = run_program(
            [str(self.programs / program), *arguments],
            account=self.account,
            stdin_text=stdin_text,
            should_stop=should_stop,
            end=end,
        )
        if code:
            raise WriteError(self._failure(program, output))
        return output

    def _end_start(self, process: subprocess.Popen[str]) -> None:
        """Stop a server that is being started; `pg_ctl` then ends by itself.

        `pg_ctl` is not killed: it may have started a server that has not written its
        process id yet, and nobody could find that.
        """
        interrupted_pid = None
        while process.poll() is None:
            pid = self.pid()
            if pid is not None and pid != interrupted_pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
                interrupted_pid = pid
            time.sleep(POLL_SECONDS)
        # the server may have started in between
        self.stop()

    def _failure(self, program: str, output: str) -> str:
        log = ""
        with contextlib.suppress(OSError):
            log = "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-8:])
        return (
            f"the embedded database in {self.home} failed at {program}: "
            f"{output.strip() or 'it printed nothing'}" + (f"\n{log}" if log else "")
        )


@contextlib.contextmanager
def locked(path: Path, *, should_stop: StopCheck = never_stop) -> Iterator[None]:
    """Keep other processes from starting or stopping the same cluster.

    Args:
        path: The lock file.
        should_stop: Returns whether to stop waiting for the lock.

    Raises:
        KeyboardInterrupt: `should_stop` returned True.
    """
    descriptor = None
    while descriptor is None:
        try:
            descriptor = lock_private(path)
        except BlockingIOError:
            pause(should_stop)
    try:
        yield
    finally:
        unlock(descriptor)
