"""A state folder of another user is told at once, with what to do."""

from __future__ import annotations

import os
import pwd
from contextlib import contextmanager

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
def shut(monkeypatch):
    """Shut folders to this user, who is not the one that made them."""

    @contextmanager
    def close(*paths, mode=os.R_OK | os.W_OK | os.X_OK):
        may = os.access
        with monkeypatch.context() as patch:
            patch.setattr(os, "geteuid", lambda: OTHER)
            patch.setattr(
                os, "access", lambda p, m: not (p in paths and m & mode) and may(p, m)
            )
            yield

    return close


@pytest.fixture
def made(state_dir):
    make_state_folder(state_dir)
    return state_dir


def me():
    return pwd.getpwuid(os.getuid()).pw_name


def test_the_folder_its_owner_and_what_to_do_are_told(made, shut):
    with shut(made), pytest.raises(ConfigError) as caught:
        check_state_folder(made)
    said = str(caught.value)
    assert f"the state folder {made} cannot be used: it belongs to {me()}" in said
    assert f"this is user {OTHER}" in said
    assert f"chown -R {OTHER} {made}" in said
    assert "PROPLOAD_STATE_DIR" in said


def test_a_file_of_another_user_is_told_as_such(made, shut):
    file = made / "runs" / "20260101-ab.json"
    file.parent.mkdir()
    file.touch()
    assert not foreign_owner_message(file)
    with shut():
        said = foreign_owner_message(file)
    assert said.startswith(f"{file} belongs to {me()}, and this is user {OTHER}: ")
    assert f"chown -R {OTHER} {file.parent}" in said


@pytest.mark.parametrize("below", ["", "state", "state/propload"])
def test_a_file_in_its_place_is_named(tmp_path, below):
    file = tmp_path / "homes.csv"
    file.touch()
    with pytest.raises(ConfigError, match=f"cannot be used: {file} is not a folder"):
        make_state_folder(file / below)


@pytest.mark.parametrize("name", ["rejects", "journal", "runs"])
def test_a_folder_within_it_is_named(made, shut, name):
    (made / name).mkdir()
    with shut(made / name), pytest.raises(ConfigError, match=f"{made / name} belongs"):
        check_state_folder(made)


def test_nobody_is_told_to_take_a_home_that_is_another_users(made, shut):
    with shut(made.parent, made), pytest.raises(ConfigError) as caught:
        check_state_folder(made)
    assert f"{made.parent} belongs to {me()}" in str(caught.value)
    assert "chown" not in str(caught.value)


def test_one_that_can_only_be_read_is_enough_to_read_from(made, shut):
    with shut(made, mode=os.W_OK):
        check_state_folder(made)
        with pytest.raises(ConfigError, match="belongs to"):
            make_state_folder(made)


def test_an_own_one_that_cannot_be_used_has_nobody_else_to_ask(made, shut, monkeypatch):
    with shut(made):
        monkeypatch.setattr(os, "geteuid", os.getuid)
        with pytest.raises(ConfigError, match="cannot be used: Permission denied"):
            check_state_folder(made)


def test_one_that_is_not_there_yet_is_no_mistake(state_dir):
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
def test_every_function_that_uses_it_says_so_first(function, made, shut):
    with shut(made), pytest.raises(ConfigError, match="belongs to"):
        function()
