from __future__ import annotations

import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import unquote

import psutil
import pytest

from propload.errors import ConfigError, WriteError
from propload.postgres.server.cluster import Cluster
from propload.postgres.server.server_settings import (
    GIB,
    MIB,
    server_settings,
    settings_text,
)
from propload.postgres.session.dsn import parse_dsn

PROGRAMS = Path("/programs")


@pytest.mark.parametrize(
    "home", ["/home/someone/x", "/home/a b/é", '/home/it\'s, "so"', "/" + "x" * 200]
)
def test_the_socket_has_a_short_plain_path(home):
    cluster = Cluster(Path(home), PROGRAMS)
    path = f"{cluster.socket_dir}/.s.PGSQL.5432"
    assert len(path.encode()) <= 103
    assert not set(path) & set(" ,'\"é")
    assert parse_dsn(cluster.dsn)["host"] == unquote(str(cluster.socket_dir))
    # which PGHOSTADDR would go before
    assert cluster.dsn.endswith("&hostaddr=")
    # the same in every process
    assert Cluster(Path(home), PROGRAMS).socket_dir == cluster.socket_dir


@pytest.mark.parametrize("letter", ['"', "$", "`", "\\", "\n"])
def test_paths_that_a_shell_would_read_are_refused(tmp_path, letter):
    cluster = Cluster(tmp_path / f"a{letter}b", PROGRAMS)
    with pytest.raises(ConfigError, match="state_dir"):
        cluster.start()
    assert not cluster.home.exists()


def test_no_database_is_made_for_a_user_whom_the_machine_does_not_know(
    cluster, monkeypatch
):
    def unknown(user):
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    told = rf"^the embedded .* by user {os.geteuid()}, who has no name .*\(--to\)$"
    with pytest.raises(ConfigError, match=told):
        cluster.start()


def test_a_cluster_that_never_was_does_not_run(tmp_path):
    cluster = Cluster(tmp_path / "none", PROGRAMS)
    assert cluster.pid() is None
    assert not cluster.is_ready()
    assert not cluster.stop()
    assert cluster.version() is None


def size(text):
    return int(text.removesuffix("MB")) * MIB


@pytest.mark.parametrize("memory", [512 * MIB, 4 * GIB, 16 * GIB, 1024 * GIB])
def test_memory_settings_fit_the_machine(memory):
    chosen = server_settings(memory, 100 * GIB)
    assert size(chosen["shared_buffers"]) <= max(memory // 8, 128 * MIB)
    assert size(chosen["shared_buffers"]) <= 2 * GIB
    assert size(chosen["temp_buffers"]) <= 64 * MIB
    assert size(chosen["maintenance_work_mem"]) <= 512 * MIB


@pytest.mark.parametrize("free", [GIB, 50 * GIB, 5000 * GIB])
def test_the_log_takes_at_most_a_tenth_of_the_free_disk(free):
    chosen = server_settings(8 * GIB, free)
    assert size(chosen["max_wal_size"]) <= max(free // 10, 256 * MIB)
    assert size(chosen["min_wal_size"]) <= size(chosen["max_wal_size"])


def test_durability_is_never_relaxed():
    kept = {"fsync", "full_page_writes", "synchronous_commit"}
    assert not kept & set(server_settings(8 * GIB, 100 * GIB))


def test_settings_are_quoted_and_can_be_added_to(tmp_path):
    text = settings_text(tmp_path, Path("/run/it's"), 5432, {"work_mem": "1MB"})
    assert "unix_socket_directories = '/run/it''s'\n" in text
    assert "work_mem = '1MB'\n" in text
    assert text.count("\nwork_mem = ") == 1


class Server:
    """A socket that answers, and the file by which a server is found."""

    def __init__(self, cluster, pid):
        cluster.data.mkdir(parents=True)
        lines = [str(pid), str(cluster.data), "", "", "", "", "", "ready", ""]
        told = os.fsencode("\n".join(lines))
        (cluster.data / "postmaster.pid").write_bytes(told)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(cluster.socket_dir / ".s.PGSQL.5432"))
        self._socket.listen()

    def close(self):
        self._socket.close()


#: No process has it on Linux or macOS.
NO_PID = 2**22 + 1


@pytest.fixture
def cluster():
    # the paths of pytest are too long for a socket
    with tempfile.TemporaryDirectory(prefix="pl") as home:
        yield Cluster(Path(home), PROGRAMS)


def test_a_server_that_answers_runs_although_its_process_is_out_of_sight(cluster):
    server = Server(cluster, NO_PID)
    assert cluster.pid() is None
    assert cluster.is_ready()
    # so a second one is not started beside it, nor its file deleted
    cluster.start()
    assert (cluster.data / "postmaster.pid").exists()
    server.close()
    assert not cluster.is_ready()


def test_a_server_that_answers_at_anothers_socket_is_none(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="pl", suffix=" ") as home:
        cluster = Cluster(Path(home), PROGRAMS)
        # its own name is no plain path, so the socket lies where all may make folders
        assert cluster.socket_dir != cluster.home
        cluster.socket_dir.mkdir()
        server = Server(cluster, NO_PID)
        assert cluster.is_ready()
        monkeypatch.setattr(os, "geteuid", lambda: cluster.home.stat().st_uid + 1)
        assert not cluster.is_ready()
        with pytest.raises(ConfigError, match="belongs to another user"):
            cluster.start()
        server.close()
        shutil.rmtree(cluster.socket_dir)


@pytest.mark.parametrize("letter", ["\udce4", "\u2028", "\x0c"])
def test_a_server_is_found_whatever_letters_its_path_has(letter):
    with tempfile.TemporaryDirectory(prefix="pl", suffix=letter) as home:
        cluster = Cluster(Path(home), PROGRAMS)
        cluster.socket_dir.mkdir(exist_ok=True)
        server = Server(cluster, NO_PID)
        assert cluster.is_ready()
        server.close()
        if cluster.socket_dir != cluster.home:
            shutil.rmtree(cluster.socket_dir)


def test_a_server_whose_folder_may_not_be_seen_is_known_by_its_name(
    cluster, monkeypatch
):
    Server(cluster, os.getpid()).close()

    def hidden(_):
        raise psutil.AccessDenied

    assert cluster.pid() is None
    monkeypatch.setattr(psutil.Process, "cwd", hidden)
    assert cluster.pid() is None
    monkeypatch.setattr(psutil.Process, "name", lambda _: "postgres")
    assert cluster.pid() == os.getpid()


def test_a_server_whose_socket_is_out_of_sight_is_not_waited_for(cluster, monkeypatch):
    Server(cluster, os.getpid()).close()
    monkeypatch.setattr(Cluster, "pid", lambda _: os.getpid())
    monkeypatch.setattr("propload.postgres.server.cluster._ORPHAN_SECONDS", 0.0)
    with pytest.raises(WriteError, match=r"its socket in .* cannot be reached"):
        cluster.start()
