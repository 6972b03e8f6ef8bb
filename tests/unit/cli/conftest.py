"""The command line, which the tests of a process build once."""

from __future__ import annotations

from functools import cache

import pytest

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
