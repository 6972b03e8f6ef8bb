"""Where the package of the bundled server has its programs."""

from __future__ import annotations

import sys

import pytest

from propload.errors import ConfigError
from propload.postgres.server import bundled


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a package that stands in for that of the server."""
    found = tmp_path / "package_of_a_server"
    found.mkdir()
    (found / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(bundled, "PACKAGE", found.name)
    return found


def test_package_without_programs_is_refused(package):
    with pytest.raises(ConfigError, match="no server for this system: reinstall it"):
        bundled.bundled_programs()


def test_newest_programs_of_the_package_are_used(package):
    for name in ("pginstall", "pginstall9", "pginstall18"):
        (package / name / "bin").mkdir(parents=True)
    assert bundled.bundled_programs() == package / "pginstall18" / "bin"


@pytest.mark.parametrize(
    ("python", "remedy"), [((3, 14), "install it"), ((3, 15), "use Python 3.14")]
)
def test_missing_package_is_refused(monkeypatch, python, remedy):
    monkeypatch.setattr(bundled, "PACKAGE", "package_that_nobody_has")
    monkeypatch.setattr(sys, "version_info", python)
    with pytest.raises(ConfigError, match=rf"needs the package .*: {remedy}"):
        bundled.bundled_programs()
