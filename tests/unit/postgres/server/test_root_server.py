"""Programs that only root can reach are copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from propload.postgres.server import root_server


@pytest.fixture
def programs(tmp_path):
    source = tmp_path / "private" / "bin"
    source.mkdir(parents=True)
    (source / "postgres").write_text("a program")
    return source


def test_programs_copied_by_another_process_in_the_meantime_are_used(
    programs, tmp_path, monkeypatch
):
    monkeypatch.setattr(root_server, "ROOT_HOME", tmp_path / "home")
    place = tmp_path / "home" / "programs" / "bin"
    copytree = shutil.copytree

    def copy_twice(source, fresh, **how):
        copytree(source, place, **how)
        return copytree(source, fresh, **how)

    monkeypatch.setattr(shutil, "copytree", copy_twice)
    root_server._copy_readable(programs, place)
    assert (place / "postgres").read_text() == "a program"
    assert list(place.parent.iterdir()) == [place]


def test_error_while_copying_programs_is_raised(programs, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(root_server, "ROOT_HOME", tmp_path / "home")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        root_server._copy_readable(programs, tmp_path / "home" / "bin")
