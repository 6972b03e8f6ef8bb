"""Where state is kept, and when a suggested command needs a flag to find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from propload.config import commands_for, resolve
from propload.errors import ConfigError


def test_user_without_a_home_is_asked_for_a_state_folder(tmp_path, monkeypatch):
    def homeless(*_, **__):
        msg = "could not determine the home directory"
        raise RuntimeError(msg)

    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    monkeypatch.setattr("platformdirs.user_state_path", homeless)
    with pytest.raises(ConfigError, match="Set --state-dir"):
        resolve({})
    assert resolve({"state_dir": tmp_path})["state_dir"] == tmp_path


def test_command_gets_a_flag_for_a_state_folder_it_would_not_find(
    write_config, monkeypatch, tmp_path
):
    elsewhere = tmp_path / "a b"
    flag = f" --state-dir '{elsewhere}'"
    assert commands_for(elsewhere).flag == flag
    assert commands_for(Path("a b")).flag == " --state-dir 'a b'"
    monkeypatch.setenv("PROPLOAD_STATE_DIR", "a b")
    assert commands_for(elsewhere).flag == ""
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    path = write_config('state_dir = "a b"')
    assert commands_for(elsewhere).flag == ""
    # the file was perhaps named by a flag, which the next command will lack
    monkeypatch.setenv("PROPLOAD_CONFIG", str(path))
    assert commands_for(elsewhere).flag == flag
    write_config("state_dir = 3")
    assert commands_for(elsewhere).flag == flag


def test_default_state_folder_needs_no_flag(write_config, monkeypatch):
    write_config("")
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    assert commands_for(resolve({})["state_dir"]).flag == ""


def test_deleted_working_folder_still_gives_a_command(monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert commands_for(Path("state")).flag == " --state-dir state"
