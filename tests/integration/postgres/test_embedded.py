"""The embedded server: started once, shared, stopped only when told to."""

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


def ask(folder):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", ASK, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("embedded") / "a folder's é"
    yield made
    embedded.destroy(made)


@pytest.fixture
def dsn(folder):
    return embedded.start(folder)


@pytest.mark.timeout(120)
def test_processes_that_start_it_at_once_share_one_server(folder):
    answers = [process.communicate() for process in [ask(folder) for _ in range(4)]]
    assert {said for said, _ in answers} == {answers[0][0]}
    assert answers[0][0].strip(), answers[0][1]
    # they have ended, the server has not
    assert embedded.status(folder).running


def test_status_tells_what_is_there(folder, dsn):
    known = embedded.status(folder)
    assert known.running
    assert known.url == embedded.url(folder)
    assert parse_dsn(known.url).items() <= parse_dsn(dsn).items()
    assert known.version == 18
    assert known.pid
    assert known.size_bytes > 10_000_000
    assert known.log.exists()


def test_the_socket_is_private(dsn, folder):
    home = embedded.status(folder).folder
    assert home.stat().st_mode & 0o077 == 0
    with connect(dsn) as opened:
        assert opened.rows("SELECT current_setting('listen_addresses')") == [("",)]


def test_commits_are_durable_and_settings_are_for_loading(dsn):
    with connect(dsn) as opened:
        names = ("fsync", "full_page_writes", "synchronous_commit", "wal_level", "jit")
        found = [opened.value("SELECT current_setting($1)", (name,)) for name in names]
    assert found == ["on", "on", "on", "minimal", "off"]


def test_stop_and_start_keep_the_rows(folder, dsn):
    with connect(dsn) as opened:
        opened.execute("CREATE TABLE kept AS SELECT 1 AS a")
        opened.commit()
    assert embedded.stop(folder)
    assert not embedded.stop(folder)
    # a load that goes on meets it so, and waits for somebody to start it again
    with pytest.raises(
        TransientWriteError, match="now: it is an embedded database that"
    ):
        connect(dsn, reconnect=True)
    assert not embedded.status(folder).running
    with connect(embedded.start(folder)) as opened:
        assert opened.rows("SELECT a FROM kept") == [(1,)]


@pytest.mark.timeout(120)
def test_it_starts_again_after_it_was_killed(folder, dsn):
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


def test_a_stale_number_that_a_stranger_has_now_does_no_harm(folder, dsn):
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


def test_psql_reaches_it_and_settings_for_clients_do_not(folder, dsn, monkeypatch):
    embedded.stop(folder)
    monkeypatch.setenv("PGPORT", "9999")
    monkeypatch.setenv("PGDATABASE", "elsewhere")
    said = subprocess.run(
        [bundled.psql(), embedded.start(folder), "-Atc", "SELECT current_database()"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "propload\n"


MEANT_FOR_OTHERS = {
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
def for_others(monkeypatch):
    """Set what an environment may say of other servers, each of which would refuse."""
    for name, value in MEANT_FOR_OTHERS.items():
        monkeypatch.setenv(name, value)


def test_no_variable_that_is_meant_for_others_reaches_its_sessions(dsn, for_others):
    with connect(dsn) as opened, opened.clone() as other:
        assert opened.rows("SELECT 1") == other.rows("SELECT 1") == [(1,)]
    assert MEANT_FOR_OTHERS.items() <= os.environ.items()


def test_a_service_adds_nothing_to_its_sessions(dsn, tmp_path, monkeypatch):
    file = tmp_path / "services"
    file.write_text("[elsewhere]\nrequire_auth=gss\noptions=-c no_such_setting=1\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    with connect(dsn) as opened:
        assert opened.rows("SELECT 1") == [(1,)]


def test_psql_of_the_command_line_reaches_it_as_well(folder, for_others):
    words = ("db", "psql", "--state-dir", str(folder), "--", "-Atc", "SELECT 'here'")
    said = subprocess.run(
        [sys.executable, "-m", "propload", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.stdout, said.returncode) == ("here\n", 0), said.stderr


def works_in(home):
    """Return the processes that work in a cluster's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            # one that has ended and was not waited for yet works no more
            ended = process.status() == psutil.STATUS_ZOMBIE
            if Path(process.cwd()).is_relative_to(home) and not ended:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("moment", ["data.new", "data/postmaster.pid"])
def test_who_is_told_to_stop_while_it_starts_leaves_nothing_running(tmp_path, moment):
    home = embedded.status(tmp_path).folder
    try:
        with pytest.raises(KeyboardInterrupt):
            embedded.start(tmp_path, should_stop=(home / moment).exists)
        assert works_in(home) == []
        assert not embedded.status(tmp_path).running
        assert not (home / "data.new").exists()
        # and the next one does not stumble over what was left
        with connect(embedded.start(tmp_path)) as opened:
            assert opened.rows("SELECT 1") == [(1,)]
    finally:
        embedded.destroy(tmp_path)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("words", [("db", "start"), ("ingest", "homes.csv")])
def test_a_signal_ends_a_command_that_starts_it(tmp_path, words):
    (tmp_path / "homes.csv").write_text("id\n1\n")
    home = embedded.status(tmp_path / "state").folder
    called = [sys.executable, "-m", "propload", *words, "--state-dir", "state"]
    if words[0] == "ingest":
        called += ["--key", "id"]
    with subprocess.Popen(called, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            wait_for((home / "data.new").exists)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate()
            assert process.returncode == 130, said
            assert b"Traceback" not in said
            assert works_in(home) == []
            assert not list(home.glob("data*"))
        finally:
            process.kill()
            embedded.destroy(tmp_path / "state")


def wait_for(condition):
    """Return when a condition holds that nobody tells of."""
    never = threading.Event()
    while not condition():
        never.wait(0.005)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
def test_programs_that_only_root_can_reach_are_copied(tmp_path, monkeypatch):
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
    made = file.read_text()
    file.write_text("12\n")
    with pytest.raises(ConfigError, match="created by PostgreSQL 12"):
        embedded.start(folder)
    file.write_text(made)


def test_a_disk_of_its_own_is_emptied(tmp_path):
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


def test_destroy_leaves_nothing_and_needs_nothing(folder, dsn, tmp_path):
    embedded.destroy(tmp_path / "never")
    home = embedded.status(folder).folder
    embedded.destroy(folder)
    assert not home.exists()
    assert {path.name for path in folder.iterdir()} <= {"embedded.lock"}
