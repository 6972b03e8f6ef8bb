"""Fixture: write a configuration file in the test's working folder."""

from __future__ import annotations

import pytest


@pytest.fixture
def write_config(tmp_path, monkeypatch):
    """Change to the test's folder, and return a function to write a file there."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="propload.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
