"""Fixtures: two input files, and a folder for the results of tests alone."""

from __future__ import annotations

import pytest

from benchmarks import (
    measuring,
)

FIRST_FILE = "id,day,price\n1,2026-11-01,$5\n1,2026-11-02,\n2,2026-11-01,$7\n"
SECOND_FILE = "id,day,price\n2,2026-11-01,$8\n3,2026-11-01,$9\n"


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """Keep the results of tests apart from those measured on this machine."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def files(tmp_path):
    """Write two files that have one key in common."""
    paths = [tmp_path / "first.csv", tmp_path / "second.csv"]
    for path, text in zip(paths, (FIRST_FILE, SECOND_FILE), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths
