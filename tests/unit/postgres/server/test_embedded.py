"""The files of the embedded server, without a server."""

from __future__ import annotations

import os

import pytest

from propload.config import commands_for
from propload.errors import ConfigError
from propload.postgres.server import embedded
from propload.postgres.server.cluster import Cluster


@pytest.mark.parametrize(
    "command", [embedded.start, embedded.stop, embedded.status, embedded.destroy]
)
def test_root_is_refused_the_database_of_another_user(command, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(embedded, "user_name", lambda _: "alice")
    (tmp_path / "embedded").mkdir()
    with pytest.raises(
        ConfigError, match=r"belongs to alice, .* run propload as alice, name"
    ):
        command(tmp_path)
    assert not (tmp_path / "embedded").is_symlink()


def test_server_outside_a_missing_state_folder_is_deleted(tmp_path, monkeypatch):
    home = tmp_path / "elsewhere"
    cluster = embedded.Cluster(home, tmp_path / "programs")
    monkeypatch.setattr(embedded, "_cluster", lambda _: cluster)
    embedded.destroy(tmp_path / "state")
    assert not (tmp_path / "state").exists()
    home.mkdir()
    assert not embedded.stop(tmp_path / "state")
    embedded.destroy(tmp_path / "state")
    assert not home.exists()


def test_error_for_data_of_another_version_names_the_destroy_command(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Cluster, "version", lambda _: 14)
    monkeypatch.setattr(Cluster, "_program_version", lambda _: 18)
    cluster = Cluster(tmp_path / "embedded", tmp_path, commands=commands_for(tmp_path))
    with pytest.raises(ConfigError) as caught:
        cluster._check_version()
    assert f"`propload db destroy --state-dir {tmp_path}`" in str(caught.value)


def test_data_without_a_version_are_not_made_anew(tmp_path, monkeypatch):
    cluster = Cluster(tmp_path / "embedded", tmp_path, commands=commands_for(tmp_path))
    monkeypatch.setattr(embedded, "_cluster", lambda _: cluster)
    rows = cluster.data / "base"
    rows.mkdir(parents=True)
    with pytest.raises(ConfigError) as told:
        embedded.start(tmp_path)
    assert f"{cluster.data} holds files, but no PG_VERSION" in str(told.value)
    assert f"`propload db destroy --state-dir {tmp_path}`" in str(told.value)
    assert rows.is_dir()


@pytest.mark.parametrize("way", [embedded.start, embedded.stop, embedded.destroy])
def test_who_may_not_use_the_files_is_told_whose_they_are(way, tmp_path, monkeypatch):
    cluster = Cluster(tmp_path / "embedded", tmp_path)
    monkeypatch.setattr(embedded, "_cluster", lambda _: cluster)
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    (tmp_path / "embedded").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: path.name != "embedded")
    with pytest.raises(ConfigError, match="embedded belongs to"):
        way(tmp_path)
    assert (tmp_path / "embedded").is_dir()
