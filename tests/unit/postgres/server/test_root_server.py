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


def test_programs_that_another_process_copies_meanwhile_are_taken(
    programs, tmp_path, monkeypatch
):
    monkeypatch.setattr(root_server, "ROOT_HOME", tmp_path / "home")
    place = tmp_path / "home" / "programs" / "bin"
    copied = shutil.copytree

    def first_another(source, fresh, **how):
        copied(source, place, **how)
        return copied(source, fresh, **how)

    monkeypatch.setattr(shutil, "copytree", first_another)
    root_server._copy_readable(programs, place)
    assert (place / "postgres").read_text() == "a program"
    assert list(place.parent.iterdir()) == [place]


def test_programs_that_cannot_be_copied_are_told(programs, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(root_server, "ROOT_HOME", tmp_path / "home")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        root_server._copy_readable(programs, tmp_path / "home" / "bin")
