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
def test_socket_path_is_short_and_plain(home):
    cluster = Cluster(Path(home), PROGRAMS)
    path = f"{cluster.socket_dir}/.s.PGSQL.5432"
    assert len(path.encode()) <= 103
    assert not set(path) & set(" ,'\"é")
    assert parse_dsn(cluster.dsn)["host"] == unquote(str(cluster.socket_dir))
    # PGHOSTADDR would take precedence over the host
    assert cluster.dsn.endswith("&hostaddr=")
    # the same in every process
    assert Cluster(Path(home), PROGRAMS).socket_dir == cluster.socket_dir


@pytest.mark.parametrize("letter", ['"', "$", "`", "\\", "\n"])
def test_path_with_shell_characters_is_refused(tmp_path, letter):
    cluster = Cluster(tmp_path / f"a{letter}b", PROGRAMS)
    with pytest.raises(ConfigError, match="state_dir"):
        cluster.start()
    assert not cluster.home.exists()


def test_no_database_is_created_for_a_user_without_a_name(cluster, monkeypatch):
    def unknown(user):
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    message = rf"^the embedded .* by user {os.geteuid()}, who has no name .*\(--to\)$"
    with pytest.raises(ConfigError, match=message):
        cluster.start()


def test_cluster_that_was_never_created_does_not_run(tmp_path):
    cluster = Cluster(tmp_path / "none", PROGRAMS)
    assert cluster.pid() is None
    assert not cluster.is_ready()
    assert not cluster.stop()
    assert cluster.version() is None


def bytes_of(text):
    return int(text.removesuffix("MB")) * MIB


@pytest.mark.parametrize("memory", [512 * MIB, 4 * GIB, 16 * GIB, 1024 * GIB])
def test_memory_settings_fit_the_memory_of_the_machine(memory):
    chosen = server_settings(memory, 100 * GIB)
    assert bytes_of(chosen["shared_buffers"]) <= max(memory // 8, 128 * MIB)
    assert bytes_of(chosen["shared_buffers"]) <= 2 * GIB
    assert bytes_of(chosen["temp_buffers"]) <= 64 * MIB
    assert bytes_of(chosen["maintenance_work_mem"]) <= 512 * MIB


@pytest.mark.parametrize("free", [GIB, 50 * GIB, 5000 * GIB])
def test_wal_takes_at_most_a_tenth_of_the_free_disk(free):
    chosen = server_settings(8 * GIB, free)
    assert bytes_of(chosen["max_wal_size"]) <= max(free // 10, 256 * MIB)
    assert bytes_of(chosen["min_wal_size"]) <= bytes_of(chosen["max_wal_size"])


def test_durability_settings_are_left_at_their_defaults():
    kept = {"fsync", "full_page_writes", "synchronous_commit"}
    assert not kept & set(server_settings(8 * GIB, 100 * GIB))


def test_settings_are_quoted_and_can_be_overridden(tmp_path):
    text = settings_text(tmp_path, Path("/run/it's"), 5432, {"work_mem": "1MB"})
    assert "unix_socket_directories = '/run/it''s'\n" in text
    assert "work_mem = '1MB'\n" in text
    assert text.count("\nwork_mem = ") == 1


class Server:
    """A socket that accepts connections, and the file that leads to it."""

    def __init__(self, cluster, pid):
        cluster.data.mkdir(parents=True)
        lines = [str(pid), str(cluster.data), "", "", "", "", "", "ready", ""]
        content = os.fsencode("\n".join(lines))
        (cluster.data / "postmaster.pid").write_bytes(content)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(cluster.socket_dir / ".s.PGSQL.5432"))
        self._socket.listen()

    def close(self):
        self._socket.close()


#: No process has this id on Linux or macOS.
NO_PID = 2**22 + 1


@pytest.fixture
def cluster():
    # the paths of pytest are too long for a socket
    with tempfile.TemporaryDirectory(prefix="pl") as home:
        yield Cluster(Path(home), PROGRAMS)


def test_server_that_answers_is_running_even_if_its_process_is_hidden(cluster):
    server = Server(cluster, NO_PID)
    assert cluster.pid() is None
    assert cluster.is_ready()
    # so no second server is started, and its file is not deleted
    cluster.start()
    assert (cluster.data / "postmaster.pid").exists()
    server.close()
    assert not cluster.is_ready()


def test_server_at_the_socket_of_another_user_is_ignored(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="pl", suffix=" ") as home:
        cluster = Cluster(Path(home), PROGRAMS)
        # its path is not plain, so its socket is where anyone can create folders
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
def test_server_is_found_at_a_path_with_unusual_characters(letter):
    with tempfile.TemporaryDirectory(prefix="pl", suffix=letter) as home:
        cluster = Cluster(Path(home), PROGRAMS)
        cluster.socket_dir.mkdir(exist_ok=True)
        server = Server(cluster, NO_PID)
        assert cluster.is_ready()
        server.close()
        if cluster.socket_dir != cluster.home:
            shutil.rmtree(cluster.socket_dir)


def test_server_that_hides_its_folder_is_recognized_by_its_name(cluster, monkeypatch):
    Server(cluster, os.getpid()).close()

    def hidden(_):
        raise psutil.AccessDenied

    assert cluster.pid() is None
    monkeypatch.setattr(psutil.Process, "cwd", hidden)
    assert cluster.pid() is None
    monkeypatch.setattr(psutil.Process, "name", lambda _: "postgres")
    assert cluster.pid() == os.getpid()


def test_running_server_with_unreachable_socket_is_refused(cluster, monkeypatch):
    Server(cluster, os.getpid()).close()
    monkeypatch.setattr(Cluster, "pid", lambda _: os.getpid())
    monkeypatch.setattr("propload.postgres.server.cluster._ORPHAN_SECONDS", 0.0)
    with pytest.raises(WriteError, match=r"its socket in .* cannot be reached"):
        cluster.start()
