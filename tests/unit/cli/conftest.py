"""The command line, which the tests of a process build once."""

from __future__ import annotations

import logging
from functools import cache

import pytest
from typer.testing import CliRunner

import propload.cli


@pytest.fixture(scope="session")
def app():
    return propload.cli.build_app()


@pytest.fixture(scope="session", autouse=True)
def commands_loaded_once():
    """Keep each command: to build one takes longer than most tests with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propload.cli, "load_command", cache(propload.cli.load_command))
        yield


@pytest.fixture
def run(app, monkeypatch, tmp_path):
    """Call the command line in an empty folder; logs are put back as they were."""
    monkeypatch.chdir(tmp_path)
    # --config sets it for the process, so it has to be put back
    monkeypatch.setenv("PROPLOAD_CONFIG", "")
    log = logging.getLogger("propload")
    before = (list(log.handlers), log.level, log.propagate)

    def call(*words, **given):
        return CliRunner().invoke(app, list(words), **given)

    yield call
    log.handlers, log.level, log.propagate = before
