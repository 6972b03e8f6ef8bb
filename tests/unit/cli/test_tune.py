"""`propload tune`: what it says of its choice, and what it writes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from propload import tuning
from propload.config import SETTINGS
from propload.errors import ConfigError
from propload.options import UNTRIED
from propload.tuning import FEWEST_ROWS, Trial, Tuning, tune

TRIALS = (Trial(10_000, 1, 1.0, 900.0, 1 << 20), Trial(50_000, 2, 1.0, 400.0, 1 << 20))


@pytest.fixture
def run(app, monkeypatch, tmp_path):
    """Call `tune` in an empty folder, on so many rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROPLOAD_CONFIG", "")

    def call(rows, *words):
        found = Tuning("a.csv", rows, TRIALS)
        monkeypatch.setattr(tuning, "tune", lambda *_, **__: found)
        return CliRunner().invoke(app, ["tune", "a.csv", *words])

    return call


def test_the_choice_is_written(run):
    ended = run(FEWEST_ROWS, "--write")
    assert ended.exit_code == 0
    assert "written to propload.toml" in ended.stderr
    assert tomllib.loads(Path("propload.toml").read_text()) == {
        "batch_rows": 10_000,
        "workers": 1,
    }


@pytest.mark.parametrize("words", [(), ("--json",), ("--quiet",)])
def test_the_choice_among_too_few_rows_is_not_written(run, words):
    ended = run(FEWEST_ROWS - 1, "--write", *words)
    assert ended.exit_code == 2
    assert "nothing is written: 9,999 rows are too few" in ended.stderr
    assert not Path("propload.toml").exists()


def test_stdout_holds_one_object_where_nothing_can_be_written(run):
    ended = run(FEWEST_ROWS, "--write", "--json", "--job", "nightly")
    assert ended.exit_code == 2
    assert json.loads(ended.stdout)["best"] == {"batch_rows": 10_000, "workers": 1}


@pytest.mark.parametrize("name", sorted(UNTRIED))
def test_a_setting_that_has_no_say_in_a_trial_is_refused(run, name):
    ended = run(FEWEST_ROWS, SETTINGS[name].flag, "1")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "No such option" in ended.stderr
    with pytest.raises(ConfigError, match=f"{name} .*: tune without it"):
        tune([{"id": 1}], table="t", **{name: 1})


@pytest.mark.parametrize(("rows", "doubtful"), [(4, True), (FEWEST_ROWS, False)])
def test_too_few_rows_are_said_to_tell_nothing(rows, doubtful):
    found = Tuning("a.csv", rows, TRIALS)
    for shown in (str(found), found._repr_html_(), found.to_json()):
        assert ("too few to tell" in shown) is doubtful
