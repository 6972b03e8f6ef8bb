"""What holds for a run, of what was given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from propload.options import BATCH_ROWS, WORKERS
from propload.running.planning import Plan, source_options


@pytest.mark.parametrize(
    ("given", "workers", "rows"),
    [
        ({}, WORKERS, BATCH_ROWS),
        ({"workers": "auto", "batch_rows": "auto"}, WORKERS, BATCH_ROWS),
        ({"workers": 5, "batch_rows": 7}, 5, 7),
    ],
)
def test_automatic_sizes_have_a_number_before_anything_is_measured(
    given, workers, rows
):
    plan = Plan.of(given)
    assert (plan.workers, plan.batch_rows) == (workers, rows)


def test_the_places_of_a_run_stay_where_the_program_began(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = Plan.of({"state_dir": "state"})
    monkeypatch.chdir("/")
    assert plan.places.state_dir == tmp_path / "state"


def test_a_program_whose_folder_was_deleted_keeps_the_path_as_given(
    tmp_path, monkeypatch
):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    plan = Plan.of({"state_dir": "state"})
    # the interpreter cannot leave a folder that is gone by itself
    os.chdir(tmp_path)
    assert plan.places.state_dir == Path("state")


def test_defaults_hold_where_the_user_set_nothing():
    plan = Plan.of({"key": ["id"]}).with_defaults({"key": ["url"], "mode": "append"})
    assert (plan.settings["key"], plan.settings["mode"]) == (("id",), "append")


def test_tools_that_show_variables_show_no_connection_string():
    plan = Plan.of({"to": "postgresql://loader:t0psecret@db/homes"})
    assert plan.settings["to"].endswith("db/homes")
    assert "t0psecret" not in repr(plan)


def test_only_the_options_that_were_given_for_the_source_have_to_be_of_use():
    plan = Plan.of({"delimiter": ";"}).with_defaults({"encoding": "latin-1"})
    options = source_options(plan)
    assert (options.delimiter, options.encoding) == (";", "latin-1")
    assert options.explicit == {"delimiter"}
