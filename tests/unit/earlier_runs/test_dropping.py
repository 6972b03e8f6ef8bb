"""Dropping and recovering where there is nothing: no server is started for it."""

from __future__ import annotations

import propload


def test_no_database_is_made_to_drop_runs_from(state_dir):
    assert propload.drop_runs(0) == propload.Dropped(runs=0, reports=0)
    assert not state_dir.exists()


def test_no_database_is_made_to_recover_nothing_into(state_dir):
    assert propload.recover() == []
    assert not state_dir.exists()
