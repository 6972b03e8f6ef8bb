"""Fixtures: the command line, built once per process, and a double of its loads."""

from __future__ import annotations

import logging
import sys
from functools import cache
from types import ModuleType

import pytest
import typer.main
from typer.testing import CliRunner

import propload.cli
from tests.unit.cli.loads import LoadRecorder
from tests.unit.cli.rejected import reject_in_two_runs


@pytest.fixture(scope="session")
def app():
    return propload.cli.build_app()


@pytest.fixture(scope="session", autouse=True)
def commands_loaded_once():
    """Cache each command: building one takes longer than most of its tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propload.cli, "load_command", cache(propload.cli.load_command))
        # otherwise the whole command line would be built at each call; if this name in
        # Typer changes, tests only take longer
        once = cache(typer.main.get_command)
        patch.setattr("typer.testing._get_command", once, raising=False)
        yield


@pytest.fixture(autouse=True)
def restored_loggers():
    """Restore the loggers, which each command reconfigures."""
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
    """Return a function that calls the command line in an empty folder."""
    # so wide that no message is wrapped
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    # --config sets it for the whole process, so it must be restored
    monkeypatch.setenv("PROPLOAD_CONFIG", "")

    def call(*arguments, **options):
        return CliRunner().invoke(app, list(arguments), **options)

    return call


@pytest.fixture
def load(monkeypatch):
    """Replace loads by a double that records its calls. Value: the double."""
    recorder = LoadRecorder()
    for name in ("ingesting", "checking.check"):
        module = ModuleType(f"propload.{name}")
        module.ingest = module.check = recorder
        monkeypatch.setitem(sys.modules, f"propload.{name}", module)
    return recorder


@pytest.fixture
def rejecting_runs(state_dir):
    """Create two runs that rejected 3 rows and 30 rows."""
    reject_in_two_runs(state_dir)
