"""Dropping and recovering start no server if there is nothing to drop or recover."""

from __future__ import annotations

import propload
from propload.postgres.server import bundled


def test_dropping_runs_creates_no_database(state_dir):
    assert propload.drop_runs(0) == propload.Dropped(runs=0, reports=0)
    assert not state_dir.exists()


def test_dropping_runs_needs_no_server_programs(monkeypatch):
    monkeypatch.setattr(bundled, "PACKAGE", "package_that_nobody_has")
    assert propload.drop_runs(0) == propload.Dropped(runs=0, reports=0)


def test_recovering_nothing_creates_no_database(state_dir):
    assert propload.recover() == []
    assert not state_dir.exists()
