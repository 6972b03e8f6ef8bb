"""The command line, which the tests of a process build once, and its loads."""

from __future__ import annotations

import logging
import sys
from functools import cache
from types import ModuleType

import pytest
import typer.main
from typer.testing import CliRunner

import propload.cli
from tests.unit.cli.loads import Called
from tests.unit.cli.rejected import refuse_many


@pytest.fixture(scope="session")
def app():
    return propload.cli.build_app()


@pytest.fixture(scope="session", autouse=True)
def commands_loaded_once():
    """Keep each command: to build one takes longer than most tests with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propload.cli, "load_command", cache(propload.cli.load_command))
        # the command line itself would be built at each call; where Typer's runner
        # calls it by another name, that only takes longer
        once = cache(typer.main.get_command)
        patch.setattr("typer.testing._get_command", once, raising=False)
        yield


@pytest.fixture(autouse=True)
def logs_as_before():
    """Put logs back as they were: a command that is called sets up its own."""
    log, root = logging.getLogger("propload"), logging.getLogger()
    before = (list(log.handlers), log.level, log.propagate)
    handlers, level = list(root.handlers), root.level
    yield
    log.handlers, log.level, log.propagate = before
    root.setLevel(level)
    for added in set(root.handlers).difference(handlers):
        root.removeHandler(added)


@pytest.fixture
def run(app, monkeypatch, tmp_path):
    """Call the command line in an empty folder."""
    # so wide that no message is broken
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    # --config sets it for the process, so it has to be put back
    monkeypatch.setenv("PROPLOAD_CONFIG", "")

    def call(*words, **given):
        return CliRunner().invoke(app, list(words), **given)

    return call


@pytest.fixture
def load(monkeypatch):
    """Have loads only remember what they were told. Value: tells it."""
    called = Called()
    for name in ("ingesting", "checking.check"):
        module = ModuleType(f"propload.{name}")
        module.ingest = module.check = called
        monkeypatch.setitem(sys.modules, f"propload.{name}", module)
    return called


@pytest.fixture
def refused(state_dir):
    """Two runs that refused 3 rows and 30 rows."""
    refuse_many(state_dir)
