"""One PostgreSQL cluster in a folder: made, started, stopped by its programs.

The server outlives the process that started it and is shared by all that use the
folder. Files and socket belong to one account alone; that is what protects the
server, which trusts whoever can reach its socket.
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
    STEP_SECONDS,
    Stopped,
    kill,
    never,
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
#: Server processes notice within a second or two that their parent is gone.
_ORPHAN_SECONDS = 15.0
#: The server's log is begun anew at a start when it has grown beyond this.
_LOG_BYTES = 10 << 20
#: Paths that need no quoting in a server setting.
_PLAIN_PATH = re.compile(r"[\w./+-]+", re.ASCII)

#: `pg_ctl` gives the path to a shell in double quotes, where these mean something.
_SHELL_LETTERS = re.compile(r'["$`\\\n]')


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's folder and what runs it.

    Attributes:
        home: The folder of the data, the log and, if short enough, the socket.
        programs: The folder of `postgres`, `initdb` and `pg_ctl`.
        account: The system user that runs the server, or None for this one.
        choices: Choices of `initdb` in place of the locale whose text is
            ordered by bytes, which is the fastest and never changes.
        commands: How commands are written that find it.
    """

    home: Path
    programs: Path
    account: str | None = None
    choices: tuple[str, ...] = ()
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
        """The folder of the server's socket; short and free of odd characters."""
        longest = f"{self.home}/.s.PGSQL.{PORT}"
        plain = _PLAIN_PATH.fullmatch(longest)
        if plain and len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES:
            return self.home
        # not the session's runtime folder: it goes when the user logs out
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path("/tmp") / f"propload-{digest}"  # noqa: S108 - made private below

    @property
    def dsn(self) -> str:
        """The connection string of the cluster's database, running or not."""
        place = quote(str(self.socket_dir), safe="")
        # an address of the environment (PGHOSTADDR) would go before the socket
        return f"postgresql://{USER}@/{DATABASE}?host={place}&port={PORT}&hostaddr="

    def pid(self) -> int | None:
        """Return the server's process id, or None where it does not run.

        The number in the file alone says nothing: after a crash it may belong
        to any process. A server's working directory is its data directory; where that
        may not be seen, as by root in a container, its name has to do.
        """
        lines = self._pid_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        found = pid and (works_in(pid, self.data) or is_hidden_server(pid))
        return pid if found else None

    def is_ready(self) -> bool:
        """Return whether the server accepts connections."""
        # who answers runs, also where its process is another container's
        return self._says_ready() and self._has_own_socket() and self._answers()

    def _says_ready(self) -> bool:
        lines = self._pid_lines()
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _has_own_socket(self) -> bool:
        """Return whether nobody else can have put there the socket that answers.

        After a restart of the machine the files in /tmp are gone, and any user may make
        the folder anew.
        """
        if self.socket_dir == self.home:
            return True
        with contextlib.suppress(OSError):
            found = self.socket_dir.lstat()
            return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        return False

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_dir / f".s.PGSQL.{PORT}"))
            except OSError:
                return False
        return True

    def start(
        self, *, settings: dict[str, str] | None = None, stopped: Stopped = never
    ) -> None:
        """Make the cluster where there is none and run it; returns when it is up.

        Args:
            settings: Server settings besides propload's own.
            stopped: Tells whether to stop waiting for it.

        Raises:
            ConfigError: The folder's name has a letter that a shell would take
                for its own, or it holds another version's data.
            WriteError: The server does not start; the message ends with its log.
            KeyboardInterrupt: It was told to stop; what was begun here is ended.
        """
        if self._has_come_up(stopped):
            return
        if _SHELL_LETTERS.search(str(self.home)):
            letters = 'a line break or one of " $ ` \\'
            msg = f"{self.home} holds {letters}: use another state_dir"
            raise ConfigError(msg)
        self._make_folders()
        if not (self.data / "PG_VERSION").exists():
            self._initialize(stopped)
        self._check_version()
        self._clear_stale_pid(stopped)
        self._write_settings(settings or {})
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            os.truncate(self.log, 0)
        options = ("-D", str(self.data), "-l", str(self.log))
        wait = ("-w", "-t", str(_START_SECONDS), "-s", "start")
        self._run("pg_ctl", *options, *wait, stopped=stopped, end=self._end_start)

    def _has_come_up(self, stopped: Stopped) -> bool:
        # a server that recovers from a crash runs long before it is ready
        began = time.monotonic()
        unheard = began
        while not self.is_ready():
            now = time.monotonic()
            if self.pid() is None or now - began > _START_SECONDS:
                return False
            if not self._says_ready():
                unheard = now
            elif now - unheard > _ORPHAN_SECONDS:
                msg = (
                    f"the embedded database in {self.home} runs, but its socket in "
                    f"{self.socket_dir} cannot be reached: use another state_dir, or "
                    f"stop it where it was started ({self.commands.stop_database()})"
                )
                raise WriteError(msg)
            pause(stopped)
        return True

    def stop(self) -> bool:
        """Stop the server and return whether it was running.

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
            # a mounted disk is emptied, and left to whoever has mounted it
            for made in self.home.iterdir():
                if not made.is_dir():
                    made.unlink()
                elif made.name != "lost+found":
                    shutil.rmtree(made)
        elif self.home.exists():
            shutil.rmtree(self.home)

    def version(self) -> int | None:
        """Return the major version of the data, or None before there are any."""
        file = self.data / "PG_VERSION"
        return int(file.read_text("ascii")) if file.exists() else None

    def _pid_lines(self) -> list[str]:
        try:
            # a line of it is the folder's path, in any bytes and letters
            told = (self.data / "postmaster.pid").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(line) for line in told.split(b"\n")]

    def _make_folders(self) -> None:
        spool = spool_of(self.socket_dir)
        for folder in (self.home, self.socket_dir, spool):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._own(folder)
        clear_spool(spool)

    def _own(self, path: Path) -> None:
        entry = pwd.getpwnam(self.account) if self.account else None
        if entry and path.stat().st_uid == 0:
            os.chown(path, entry.pw_uid, entry.pw_gid)
        found = path.lstat()
        owner = entry.pw_uid if entry else os.geteuid()
        if found.st_uid != owner or not stat.S_ISDIR(found.st_mode):
            msg = f"{path} belongs to another user: remove it, or use another state_dir"
            raise ConfigError(msg)
        path.chmod(0o700)

    def _initialize(self, stopped: Stopped) -> None:
        if self.account is None:
            require_name()
        # made aside and renamed: a kill half-way leaves nothing that looks whole
        fresh = self.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._make_data(fresh, stopped)
            fresh.rename(self.data)
        finally:
            # it is still there if it was not renamed: 40 MB that nobody needs
            shutil.rmtree(fresh, ignore_errors=True)

    def _make_data(self, fresh: Path, stopped: Stopped) -> None:
        choices = ["-D", str(fresh), "-U", USER, "-A", "trust", "-E", "UTF8"]
        choices += ["--data-checksums", "--no-instructions", "--locale=C"]
        choices += self.choices or self._locale()
        self._run("initdb", *choices, stopped=stopped)
        make = f"CREATE DATABASE {DATABASE};\n"
        alone = ("--single", "-D", str(fresh), USER)
        self._run("postgres", *alone, given=make, stopped=stopped)
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude_if_exists = 'propload.conf'\n")

    def _locale(self) -> tuple[str, ...]:
        if self._program_version() < 17:  # the first with a locale of its own
            return ()
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")

    def _program_version(self) -> int:
        said = self._run("postgres", "--version")
        found = re.search(r"(\d+)[.\w]*", said)
        return int(found[1]) if found else 0

    def _check_version(self) -> None:
        made, here = self.version(), self._program_version()
        if made != here:
            msg = (
                f"the database in {self.data} was created by PostgreSQL {made}, but "
                f"the installed server is {here}: install the package's version with "
                f"PostgreSQL {made} to dump it, or remove it with "
                f"`{self.commands.destroy_database()}`"
            )
            raise ConfigError(msg)

    def _clear_stale_pid(self, stopped: Stopped) -> None:
        # The server refuses to start where the number in one of its files is in
        # use, be it by a stranger or by its own unburied self: both are common
        # in containers, where numbers repeat and nobody reaps the dead.
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while any_works_in(self.data) and time.monotonic() < deadline:
            pause(stopped)
        if not any_works_in(self.data):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            (self.socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _write_settings(self, extra: dict[str, str]) -> None:
        text = settings_text(self.home, self.socket_dir, PORT, extra)
        file = self.data / "propload.conf"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)  # its folder is private; the server's account reads it

    def _run(
        self,
        program: str,
        *arguments: str,
        given: str = "",
        stopped: Stopped = never,
        end: Callable[[subprocess.Popen[str]], None] = kill,
    ) -> str:
        code, said = run_program(
            [str(self.programs / program), *arguments],
            account=self.account,
            given=given,
            stopped=stopped,
            end=end,
        )
        if code:
            raise WriteError(self._failure(program, said))
        return said

    def _end_start(self, process: subprocess.Popen[str]) -> None:
        """Stop a server that is being started; `pg_ctl` ends with it.

        `pg_ctl` itself is not killed: nobody would know of a server that it has begun
        and that has not told its number yet.
        """
        asked = None
        while process.poll() is None:
            pid = self.pid()
            if pid is not None and pid != asked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
                asked = pid
            time.sleep(STEP_SECONDS)
        # it may have come up in between
        self.stop()

    def _failure(self, program: str, said: str) -> str:
        log = ""
        with contextlib.suppress(OSError):
            log = "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-8:])
        return (
            f"the embedded database in {self.home} failed at {program}: "
            f"{said.strip() or 'it printed nothing'}" + (f"\n{log}" if log else "")
        )


@contextlib.contextmanager
def locked(path: Path, *, stopped: Stopped = never) -> Iterator[None]:
    """Keep other processes from starting or stopping the same cluster.

    Args:
        path: The lock.
        stopped: Tells whether to stop waiting for it.

    Raises:
        KeyboardInterrupt: It was told to stop.
    """
    descriptor = None
    while descriptor is None:
        try:
            descriptor = lock_private(path)
        except BlockingIOError:
            pause(stopped)
    try:
        yield
    finally:
        unlock(descriptor)
