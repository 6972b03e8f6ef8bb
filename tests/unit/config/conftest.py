"""A configuration file in the folder that a test works in."""

from __future__ import annotations

import pytest


@pytest.fixture
def write_config(tmp_path, monkeypatch):
    """Make the test's folder the current one, with a configuration file in it."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="propload.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
