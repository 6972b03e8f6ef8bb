"""The embedded server's files, without a server."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from propload.config import commands_for
from propload.errors import ConfigError
from propload.postgres.server import embedded
from propload.postgres.server.cluster import Cluster


@pytest.fixture
def programs(tmp_path):
    source = tmp_path / "private" / "bin"
    source.mkdir(parents=True)
    (source / "postgres").write_text("a program")
    return source


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a package that stands in for the server's."""
    found = tmp_path / "package_of_a_server"
    found.mkdir()
    (found / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(embedded, "_PACKAGE", found.name)
    return found


def test_a_package_without_programs_is_told(package):
    with pytest.raises(ConfigError, match="no server for this system: reinstall it"):
        embedded.bundled_programs()


def test_the_newest_programs_of_the_package_are_taken(package):
    for name in ("pginstall", "pginstall9", "pginstall18"):
        (package / name / "bin").mkdir(parents=True)
    assert embedded.bundled_programs() == package / "pginstall18" / "bin"


def test_a_package_that_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(embedded, "_PACKAGE", "package_that_nobody_has")
    with pytest.raises(ConfigError, match=r"needs the package .*: install it"):
        embedded.bundled_programs()


def test_programs_that_another_process_copies_meanwhile_are_taken(
    programs, tmp_path, monkeypatch
):
    monkeypatch.setattr(embedded, "ROOT_HOME", tmp_path / "home")
    place = tmp_path / "home" / "programs" / "bin"
    copied = shutil.copytree

    def first_another(source, fresh, **how):
        copied(source, place, **how)
        return copied(source, fresh, **how)

    monkeypatch.setattr(shutil, "copytree", first_another)
    embedded._copy_readable(programs, place)
    assert (place / "postgres").read_text() == "a program"
    assert list(place.parent.iterdir()) == [place]


def test_programs_that_cannot_be_copied_are_told(programs, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(embedded, "ROOT_HOME", tmp_path / "home")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        embedded._copy_readable(programs, tmp_path / "home" / "bin")


@pytest.mark.parametrize(
    "way", [embedded.start, embedded.stop, embedded.status, embedded.destroy]
)
def test_root_is_told_whose_the_database_is_that_another_user_runs(
    way, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(embedded, "user_name", lambda _: "alice")
    (tmp_path / "embedded").mkdir()
    with pytest.raises(
        ConfigError, match=r"is alice's, .* run propload as alice, name"
    ):
        way(tmp_path)
    assert not (tmp_path / "embedded").is_symlink()


def test_a_server_without_its_state_folder_is_deleted(tmp_path, monkeypatch):
    home = tmp_path / "elsewhere"
    cluster = embedded.Cluster(home, tmp_path / "programs")
    monkeypatch.setattr(embedded, "_cluster", lambda _: cluster)
    embedded.destroy(tmp_path / "state")
    assert not (tmp_path / "state").exists()
    home.mkdir()
    assert not embedded.stop(tmp_path / "state")
    embedded.destroy(tmp_path / "state")
    assert not home.exists()


def test_data_of_another_version_are_told_with_the_command_that_removes_them(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Cluster, "version", lambda _: 14)
    monkeypatch.setattr(Cluster, "_program_version", lambda _: 18)
    cluster = Cluster(tmp_path / "embedded", tmp_path, commands=commands_for(tmp_path))
    with pytest.raises(ConfigError) as told:
        cluster._check_version()
    assert f"`propload db destroy --state-dir {tmp_path}`" in str(told.value)
