"""The plan of a run: which of the given and default settings apply."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from propload.options import BATCH_ROWS, WORKERS
from propload.running.planning import Plan, source_options


@pytest.mark.parametrize(
    ("settings", "workers", "rows"),
    [
        ({}, WORKERS, BATCH_ROWS),
        ({"workers": "auto", "batch_rows": "auto"}, WORKERS, BATCH_ROWS),
        ({"workers": 5, "batch_rows": 7}, 5, 7),
    ],
)
def test_automatic_sizes_have_a_number_before_any_measurement(settings, workers, rows):
    plan = Plan.of(settings)
    assert (plan.workers, plan.batch_rows) == (workers, rows)


def test_relative_state_folder_is_resolved_when_the_plan_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = Plan.of({"state_dir": "state"})
    monkeypatch.chdir("/")
    assert plan.places.state_dir == tmp_path / "state"


def test_relative_state_folder_is_kept_if_the_working_folder_is_gone(
    tmp_path, monkeypatch
):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    plan = Plan.of({"state_dir": "state"})
    # a deleted working folder has to be left explicitly
    os.chdir(tmp_path)
    assert plan.places.state_dir == Path("state")


def test_defaults_apply_only_if_the_user_set_nothing():
    plan = Plan.of({"key": ["id"]}).with_defaults({"key": ["url"], "mode": "append"})
    assert (plan.settings["key"], plan.settings["mode"]) == (("id",), "append")


def test_repr_of_a_plan_shows_no_connection_string():
    plan = Plan.of({"to": "postgresql://loader:t0psecret@db/homes"})
    assert plan.settings["to"].endswith("db/homes")
    assert "t0psecret" not in repr(plan)


def test_only_source_options_that_the_user_set_are_explicit():
    plan = Plan.of({"delimiter": ";"}).with_defaults({"encoding": "latin-1"})
    options = source_options(plan)
    assert (options.delimiter, options.encoding) == (";", "latin-1")
    assert options.explicit == {"delimiter"}
