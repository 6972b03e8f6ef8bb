"""A state folder of another user is an error at once, which says what to do."""

from __future__ import annotations

import os
import pwd
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

import propload
from propload.errors import ConfigError
from propload.state.state_folder import (
    check_state_folder,
    foreign_owner_message,
    make_state_folder,
)

OTHER = 4_000_000


@pytest.fixture
def denied(monkeypatch):
    """Return a context manager that makes folders inaccessible and another user's."""

    @contextmanager
    def deny(*paths, mode=os.R_OK | os.W_OK | os.X_OK):
        access = os.access
        with monkeypatch.context() as patch:
            patch.setattr(os, "geteuid", lambda: OTHER)
            patch.setattr(
                os,
                "access",
                lambda p, m: not (p in paths and m & mode) and access(p, m),
            )
            yield

    return deny


@pytest.fixture
def existing_folder(state_dir):
    make_state_folder(state_dir)
    return state_dir


def owner():
    return pwd.getpwuid(os.getuid()).pw_name


def test_error_names_the_folder_its_owner_and_what_to_do(existing_folder, denied):
    with denied(existing_folder), pytest.raises(ConfigError) as caught:
        check_state_folder(existing_folder)
    message = str(caught.value)
    assert (
        f"the state folder {existing_folder} cannot be used: it belongs to {owner()}"
        in message
    )
    assert f"this is user {OTHER}" in message
    assert f"chown -R {OTHER} {existing_folder}" in message
    assert "PROPLOAD_STATE_DIR" in message


def test_error_names_the_owner_of_a_file_and_what_to_do(existing_folder, denied):
    file = existing_folder / "runs" / "20260101-ab.json"
    file.parent.mkdir()
    file.touch()
    assert not foreign_owner_message(file)
    with denied():
        message = foreign_owner_message(file)
    assert message.startswith(
        f"{file} belongs to {owner()}, and this is user {OTHER}: "
    )
    assert f"chown -R {OTHER} {file.parent}" in message


@pytest.mark.parametrize("subfolder", ["", "state", "state/propload"])
def test_error_names_a_file_in_place_of_the_folder(tmp_path, subfolder):
    file = tmp_path / "homes.csv"
    file.touch()
    with pytest.raises(ConfigError, match=f"cannot be used: {file} is not a folder"):
        make_state_folder(file / subfolder)


@pytest.mark.parametrize("name", ["rejects", "journal", "runs"])
def test_error_names_a_subfolder_of_another_user(existing_folder, denied, name):
    (existing_folder / name).mkdir()
    with (
        denied(existing_folder / name),
        pytest.raises(ConfigError, match=f"{existing_folder / name} belongs"),
    ):
        check_state_folder(existing_folder)


def test_error_does_not_advise_chown_of_another_users_home(existing_folder, denied):
    with (
        denied(existing_folder.parent, existing_folder),
        pytest.raises(ConfigError) as caught,
    ):
        check_state_folder(existing_folder)
    assert f"{existing_folder.parent} belongs to {owner()}" in str(caught.value)
    assert "chown" not in str(caught.value)


def test_read_only_folder_is_accepted_for_reading_only(existing_folder, denied):
    with denied(existing_folder, mode=os.W_OK):
        check_state_folder(existing_folder)
        with pytest.raises(ConfigError, match="belongs to"):
            make_state_folder(existing_folder)


def test_read_only_disk_is_not_reported_as_a_missing_permission(
    existing_folder, denied, monkeypatch
):
    mounted = SimpleNamespace(f_flag=os.ST_RDONLY)
    monkeypatch.setattr(os, "statvfs", lambda _: mounted)
    with denied(existing_folder, mode=os.W_OK):
        check_state_folder(existing_folder)
        with pytest.raises(ConfigError, match="cannot be used: Read-only file system"):
            make_state_folder(existing_folder)


def test_error_about_an_unusable_own_folder_names_no_other_user(
    existing_folder, denied, monkeypatch
):
    with denied(existing_folder):
        monkeypatch.setattr(os, "geteuid", os.getuid)
        with pytest.raises(ConfigError, match="cannot be used: Permission denied"):
            check_state_folder(existing_folder)


def test_missing_folder_is_accepted_and_not_created(state_dir):
    check_state_folder(state_dir, writing=True)
    assert not state_dir.exists()


@pytest.mark.parametrize(
    "function",
    [
        propload.runs,
        propload.rejects,
        propload.leftovers,
        propload.recover,
        propload.replay,
        lambda: propload.drop_runs(1),
        lambda: propload.ingest([{"id": 1}], to="host=127.0.0.1 port=1", table="t"),
        lambda: propload.Loader(to="host=127.0.0.1 port=1", table="t"),
    ],
)
def test_every_function_checks_the_state_folder_first(
    function, existing_folder, denied
):
    with denied(existing_folder), pytest.raises(ConfigError, match="belongs to"):
        function()
