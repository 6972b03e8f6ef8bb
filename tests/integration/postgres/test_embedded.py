"""The embedded server: started once, shared, and stopped only on request."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

from propload.errors import ConfigError, TransientWriteError
from propload.postgres.server import bundled, embedded, root_server
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import parse_dsn

ASK = """
import sys
from pathlib import Path
from propload.postgres.server import embedded
from propload.postgres.session.connection import connect
with connect(embedded.start(Path(sys.argv[1]))) as opened:
    print(opened.value("SELECT pg_postmaster_start_time()::text"))
"""


def ask_start_time(folder):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", ASK, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    created = tmp_path_factory.mktemp("embedded") / "a folder's é"
    yield created
    embedded.destroy(created)


@pytest.fixture
def dsn(folder):
    return embedded.start(folder)


@pytest.mark.timeout(120)
def test_processes_that_start_the_server_together_share_one(folder):
    answers = [
        process.communicate() for process in [ask_start_time(folder) for _ in range(4)]
    ]
    assert {stdout for stdout, _ in answers} == {answers[0][0]}
    assert answers[0][0].strip(), answers[0][1]
    # the processes have ended, the server has not
    assert embedded.status(folder).running


def test_status_describes_the_running_server(folder, dsn):
    known = embedded.status(folder)
    assert known.running
    assert known.url == embedded.url(folder)
    assert parse_dsn(known.url).items() <= parse_dsn(dsn).items()
    assert known.version == 18
    assert known.pid
    assert known.size_bytes > 10_000_000
    assert known.log.exists()


def test_socket_is_private(dsn, folder):
    home = embedded.status(folder).folder
    assert home.stat().st_mode & 0o077 == 0
    with connect(dsn) as opened:
        assert opened.rows("SELECT current_setting('listen_addresses')") == [("",)]


def test_server_settings_are_durable_and_tuned_for_loading(dsn):
    with connect(dsn) as opened:
        names = ("fsync", "full_page_writes", "synchronous_commit", "wal_level", "jit")
        found = [opened.value("SELECT current_setting($1)", (name,)) for name in names]
    assert found == ["on", "on", "on", "minimal", "off"]


def test_rows_survive_stop_and_start(folder, dsn):
    with connect(dsn) as opened:
        opened.execute("CREATE TABLE kept AS SELECT 1 AS a")
        opened.commit()
    assert embedded.stop(folder)
    assert not embedded.stop(folder)
    # a running load gets this error, and waits until the server is started again
    with pytest.raises(
        TransientWriteError, match="now: it is an embedded database that"
    ):
        connect(dsn, reconnect=True)
    assert not embedded.status(folder).running
    with connect(embedded.start(folder)) as opened:
        assert opened.rows("SELECT a FROM kept") == [(1,)]


@pytest.mark.timeout(120)
def test_server_starts_again_after_it_was_killed(folder, dsn):
    with connect(dsn) as opened:
        opened.execute("CREATE TABLE survived AS SELECT 2 AS a")
        opened.commit()
    pid = embedded.status(folder).pid
    killed = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    killed.wait(timeout=60)
    with connect(embedded.start(folder)) as opened:
        assert opened.rows("SELECT a FROM survived") == [(2,)]
    assert embedded.status(folder).pid != pid


def test_stale_pid_file_naming_a_foreign_process_does_no_harm(folder, dsn):
    embedded.stop(folder)
    home = embedded.status(folder).folder
    file = home / "data" / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n{home}/data\n1\n5432\n{home}\n\n1 2\nready\n")
    owner = home.stat()
    os.chown(file, owner.st_uid, owner.st_gid)
    assert not embedded.status(folder).running
    assert not embedded.stop(folder)
    with connect(embedded.start(folder)) as opened:
        assert opened.rows("SELECT 1") == [(1,)]


def test_psql_connects_despite_variables_for_another_server(folder, dsn, monkeypatch):
    embedded.stop(folder)
    monkeypatch.setenv("PGPORT", "9999")
    monkeypatch.setenv("PGDATABASE", "elsewhere")
    completed = subprocess.run(
        [bundled.psql(), embedded.start(folder), "-Atc", "SELECT current_database()"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == "propload\n"


VARIABLES_FOR_OTHERS = {
    "PGSERVICE": "elsewhere",
    "PGHOSTADDR": "192.0.2.1",
    "PGOPTIONS": "-c no_such_setting=1",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLCERTMODE": "require",
    "PGSSLMINPROTOCOLVERSION": "none",
    "PGGSSENCMODE": "require",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGREQUIREPEER": "nobody",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "none",
    "PGCONNECT_TIMEOUT": "soon",
    "PGCLIENTENCODING": "none",
    "PGTZ": "none",
    "PGGEQO": "none",
}


@pytest.fixture
def variables_for_others(monkeypatch):
    """Set variables meant for other servers, each of which prevents a connection."""
    for name, value in VARIABLES_FOR_OTHERS.items():
        monkeypatch.setenv(name, value)


def test_sessions_ignore_variables_meant_for_other_servers(dsn, variables_for_others):
    with connect(dsn) as opened, opened.clone() as other:
        assert opened.rows("SELECT 1") == other.rows("SELECT 1") == [(1,)]
    assert VARIABLES_FOR_OTHERS.items() <= os.environ.items()


def test_sessions_ignore_the_settings_of_a_service(dsn, tmp_path, monkeypatch):
    file = tmp_path / "services"
    file.write_text("[elsewhere]\nrequire_auth=gss\noptions=-c no_such_setting=1\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    with connect(dsn) as opened:
        assert opened.rows("SELECT 1") == [(1,)]


def test_db_psql_ignores_variables_meant_for_other_servers(
    folder, variables_for_others
):
    arguments = (
        "db",
        "psql",
        "--state-dir",
        str(folder),
        "--",
        "-Atc",
        "SELECT 'here'",
    )
    completed = subprocess.run(
        [sys.executable, "-m", "propload", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (completed.stdout, completed.returncode) == ("here\n", 0), completed.stderr


def processes_in(home):
    """Return the running processes whose working directory is in a cluster's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            # a zombie has ended and only waits to be reaped
            ended = process.status() == psutil.STATUS_ZOMBIE
            if Path(process.cwd()).is_relative_to(home) and not ended:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("moment", ["data.new", "data/postmaster.pid"])
def test_start_that_is_stopped_halfway_leaves_nothing_running(tmp_path, moment):
    home = embedded.status(tmp_path).folder
    try:
        with pytest.raises(KeyboardInterrupt):
            embedded.start(tmp_path, should_stop=(home / moment).exists)
        assert processes_in(home) == []
        assert not embedded.status(tmp_path).running
        assert not (home / "data.new").exists()
        # nor do leftovers prevent the next start
        with connect(embedded.start(tmp_path)) as opened:
            assert opened.rows("SELECT 1") == [(1,)]
    finally:
        embedded.destroy(tmp_path)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("arguments", [("db", "start"), ("ingest", "homes.csv")])
def test_sigterm_ends_a_command_that_is_starting_the_server(tmp_path, arguments):
    (tmp_path / "homes.csv").write_text("id\n1\n")
    home = embedded.status(tmp_path / "state").folder
    command = [sys.executable, "-m", "propload", *arguments, "--state-dir", "state"]
    if arguments[0] == "ingest":
        command += ["--key", "id"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            wait_for((home / "data.new").exists)
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate()
            assert process.returncode == 130, stderr
            assert b"Traceback" not in stderr
            assert processes_in(home) == []
            assert not list(home.glob("data*"))
        finally:
            process.kill()
            embedded.destroy(tmp_path / "state")


def wait_for(condition):
    """Poll until a condition holds, as nothing signals it."""
    never = threading.Event()
    while not condition():
        never.wait(0.005)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
def test_programs_that_only_root_can_access_are_copied(tmp_path, monkeypatch):
    package = bundled.bundled_programs().parents[1]
    private = tmp_path / "site"
    shutil.copytree(package, private / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, private / libraries.name, symlinks=True)
    private.chmod(0o700)
    programs = private / bundled.bundled_programs().relative_to(package.parent)
    with tempfile.TemporaryDirectory(prefix="propload-root-") as home:
        monkeypatch.setattr(root_server, "bundled_programs", lambda: programs)
        monkeypatch.setattr(root_server, "ROOT_HOME", Path(home))
        with connect(embedded.start(tmp_path)) as opened:
            assert opened.rows("SELECT 1") == [(1,)]
        assert (tmp_path / "embedded").resolve().is_relative_to(home)
        embedded.destroy(tmp_path)
    assert private.stat().st_mode & 0o077 == 0


def test_data_of_another_version_is_refused(folder, dsn):
    embedded.stop(folder)
    file = embedded.status(folder).folder / "data" / "PG_VERSION"
    version = file.read_text()
    file.write_text("12\n")
    with pytest.raises(ConfigError, match="created by PostgreSQL 12"):
        embedded.start(folder)
    file.write_text(version)


def test_destroy_empties_a_folder_that_is_a_mount_point(tmp_path):
    embedded.start(tmp_path)
    home = embedded.status(tmp_path).folder
    embedded.stop(tmp_path)
    aside = home.rename(home.with_name(f"{home.name}.aside"))
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(home)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        home.rmdir()
        aside.rename(home)
        embedded.destroy(tmp_path)
        pytest.skip("only root may mount a disk")
    try:
        shutil.rmtree(aside)
        assert embedded.start(tmp_path)
        embedded.destroy(tmp_path)
        assert list(home.iterdir()) == []
    finally:
        embedded.stop(tmp_path)
        subprocess.run(["umount", str(home)], check=True)
        home.rmdir()
    assert {path.name for path in tmp_path.iterdir()} <= {"embedded.lock"}


def test_destroy_leaves_nothing_and_accepts_a_folder_without_server(
    folder, dsn, tmp_path
):
    embedded.destroy(tmp_path / "never")
    home = embedded.status(folder).folder
    embedded.destroy(folder)
    assert not home.exists()
    assert {path.name for path in folder.iterdir()} <= {"embedded.lock"}
