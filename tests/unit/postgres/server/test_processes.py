"""Processes that hide their working folder, or end while they are examined."""

import os

import psutil
import pytest

from propload.postgres.server.processes import is_hidden_server, works_in


@pytest.fixture
def hidden(monkeypatch):
    """Make this process hide its folder, like that of another user."""

    def cwd(process):
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "cwd", cwd)


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize(("name", "found"), [("postgres", True), ("python", False)])
def test_process_that_hides_its_folder_is_recognized_by_its_name(
    monkeypatch, tmp_path, name, found
):
    monkeypatch.setattr(psutil.Process, "name", lambda _process: name)
    assert is_hidden_server(os.getpid()) is found
    assert not works_in(os.getpid(), tmp_path)


@pytest.mark.usefixtures("hidden")
def test_process_that_ends_while_examined_is_no_server(monkeypatch):
    def name(process):
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr(psutil.Process, "name", name)
    assert not is_hidden_server(os.getpid())


def test_process_that_shows_its_folder_is_no_hidden_server():
    assert not is_hidden_server(os.getpid())
