"""Configuration files: where they are looked for, and what they may contain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from propload.config import job_source, resolve
from propload.errors import ConfigError


def test_mapping_of_a_job_replaces_that_of_the_top_level(write_config):
    write_config('mapping = {a = "x", b = "y"}\n[jobs.j]\nmapping = {a = "z"}')
    assert resolve({}, job="j")["mapping"] == {"a": "z"}
    assert resolve({}, job=None)["mapping"] == {"a": "x", "b": "y"}


def test_settings_are_read_from_pyproject_too(write_config):
    write_config(
        '[tool.propload]\ntable = "homes"\n[tool.propload.jobs.j]\nsource = "a.csv"\n',
        "pyproject.toml",
    )
    assert resolve({}, job="j")["table"] == "homes"


def test_pyproject_without_propload_is_skipped(write_config, monkeypatch):
    path = write_config('table = "homes"')
    below = path.parent / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    monkeypatch.chdir(below)
    assert resolve({})["table"] == "homes"


def test_variable_names_the_configuration_file(write_config, monkeypatch, tmp_path):
    write_config('table = "near"')
    named = tmp_path / "other.toml"
    named.write_text('table = "named"', encoding="utf-8")
    monkeypatch.setenv("PROPLOAD_CONFIG", str(named))
    assert resolve({})["table"] == "named"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_row = 1", "'batch_row' is not a setting; did you mean 'batch_rows'"),
        ("batch-rows = 1", "did you mean 'batch_rows'"),
        ("[job.night]\ntable = 'x'", "'job' is not a setting; did you mean 'jobs'"),
        ("[jobs.j]\nsources = 'x'", r"\[jobs\.j\]: 'sources'.*did you mean 'source'"),
        ("[jobs.j]\nxyzzy = 1", "'xyzzy' is not a setting$"),
        ("jobs = 3", r"write \[jobs\.NAME\]"),
        ("mappings = {a = 1}", r"write \[mappings\.NAME\]"),
        ("table = ", "is not TOML"),
        (
            "[propload]\ntable = 'x'",
            r"pyproject\.toml the table is \[tool\.propload\]",
        ),
    ],
)
def test_error_names_what_is_wrong_in_a_file(text, message, write_config):
    write_config(text)
    with pytest.raises(ConfigError, match=message):
        resolve({})


def test_missing_file_that_was_named_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PROPLOAD_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        resolve({})


def test_unknown_job_suggests_the_nearest_and_job_needs_a_source(write_config):
    write_config("[jobs.nightly]\nsource = 'a.csv'\n[jobs.bare]\n")
    with pytest.raises(ConfigError, match="did you mean 'nightly'"):
        resolve({}, job="nightli")
    with pytest.raises(ConfigError, match="known are: nightly, bare"):
        resolve({}, job="hourly_sales")
    with pytest.raises(ConfigError, match="names no source"):
        job_source("bare")


def test_job_without_a_configuration_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no configuration file"):
        resolve({}, job="nightly")


def test_deleted_working_folder_has_no_configuration(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "table" not in resolve({})


def test_inaccessible_file_counts_as_no_configuration(write_config, monkeypatch):
    path = write_config('table = "homes"')
    assert resolve({})["table"] == "homes"
    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, _denying(path, getattr(os, name)))
    assert "table" not in resolve({})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["propload.toml", "pyproject.toml"])
def test_other_users_file_in_a_world_writable_folder_is_refused(
    name, write_config, monkeypatch
):
    head = "[tool.propload]\n" if name == "pyproject.toml" else ""
    path = write_config(f'{head}to = "postgresql://elsewhere/x"', name)
    below = path.parent / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    os.chown(path, 1, 1)
    # only the folder's owner can have allowed it in a folder that is not open to all
    assert "to" in resolve({})
    path.parent.chmod(0o1777)
    with pytest.raises(ConfigError, match=r"belongs to another user.*--config"):
        resolve({})
    monkeypatch.setenv("PROPLOAD_CONFIG", str(path))
    assert "to" in resolve({})
    monkeypatch.delenv("PROPLOAD_CONFIG")
    os.chown(path, 0, 0)
    assert "to" in resolve({})


def test_empty_path_does_not_mean_the_folder_of_the_file(write_config, monkeypatch):
    monkeypatch.delenv("PROPLOAD_STATE_DIR", raising=False)
    write_config("state_dir = ''\n[jobs.one]\nsource = ['a.csv', '']\n")
    assert job_source("one")[1] == ""
    with pytest.raises(ConfigError, match="state_dir: is not a path"):
        resolve({})


def _denying(path, function):
    def refuse(looked_at, *arguments, **keywords):
        if os.fspath(looked_at) == str(path):
            raise PermissionError
        return function(looked_at, *arguments, **keywords)

    return refuse


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, lambda path: path.symlink_to("nowhere.toml"), os.mkfifo],
    ids=["folder", "dangling", "fifo"],
)
def test_unreadable_propload_toml_is_an_error_not_a_missing_file(
    make, tmp_path, monkeypatch
):
    (tmp_path / "below").mkdir()
    (tmp_path / "propload.toml").write_text('table = "other"', encoding="utf-8")
    make(tmp_path / "below" / "propload.toml")
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ConfigError, match=r"below/propload\.toml cannot be read: it"):
        resolve({})
