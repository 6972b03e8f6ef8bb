"""`propload tune`: what it says of its choice, and what it writes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from propload import tuning
from propload.config import SETTINGS
from propload.errors import ConfigError
from propload.options import UNTRIED
from propload.trials import FEWEST_ROWS, Trial, Tuning
from propload.tuning import tune

ROWS = 20_000


def trials(batch_rows, workers, *speeds):
    return tuple(Trial(batch_rows, workers, 1.0, one, 1 << 20) for one in speeds)


DEFAULT = trials(50_000, 2, 400.0, 410.0)
TRIALS = (*DEFAULT, *trials(10_000, 1, 900.0, 890.0))


@pytest.fixture
def run(run, monkeypatch):
    """Call `tune` on so many rows."""

    def call(rows, *words, tried=TRIALS):
        found = Tuning("a.csv", rows, tried)
        monkeypatch.setattr(tuning, "tune", lambda *_, **__: found)
        return run("tune", "a.csv", *words)

    return call


def test_the_choice_is_written(run):
    ended = run(ROWS, "--write")
    assert ended.exit_code == 0
    assert "written to propload.toml, for every job (--job NAME" in ended.stderr
    assert tomllib.loads(Path("propload.toml").read_text()) == {
        "batch_rows": 10_000,
        "workers": 1,
    }


def test_the_choice_is_written_for_one_job(run):
    Path("propload.toml").write_text('[jobs.nightly]\ntable = "t"\n')
    ended = run(ROWS, "--write", "--job", "nightly")
    assert "propload.toml, for job nightly" in ended.stderr
    found = tomllib.loads(Path("propload.toml").read_text())
    assert found["jobs"]["nightly"]["batch_rows"] == 10_000
    assert "batch_rows" not in found


@pytest.mark.parametrize("words", [(), ("--json",), ("--quiet",)])
def test_the_choice_among_too_few_rows_is_not_written(run, words):
    ended = run(FEWEST_ROWS - 1, "--write", *words)
    assert ended.exit_code == 2
    assert "nothing is written: 9,999 rows are too few" in ended.stderr
    assert not Path("propload.toml").exists()


def test_stdout_holds_one_object_where_nothing_can_be_written(run):
    ended = run(ROWS, "--write", "--json", "--job", "nightly")
    assert ended.exit_code == 2
    assert json.loads(ended.stdout)["best"] == {"batch_rows": 10_000, "workers": 1}


@pytest.mark.parametrize("name", sorted(UNTRIED))
def test_a_setting_that_has_no_say_in_a_trial_is_refused(run, name):
    ended = run(FEWEST_ROWS, SETTINGS[name].flag, "1")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "No such option" in ended.stderr
    with pytest.raises(ConfigError, match=f"{name} .*: tune without it"):
        tune([{"id": 1}], table="t", **{name: 1})


DOUBTS = [
    (trials(10_000, 1, 900.0), "it was tried only once: leave both to auto"),
    (trials(10_000, 1, 450.0, 500.0, 400.0), "it is +11% beside the default"),
    (trials(10_000, 1, 401.0, 400.0), "loads of one choice differ by 2%"),
    (trials(200_000, 4, 900.0, 900.0), "the 20,000 rows tried are no more than one"),
]


@pytest.mark.parametrize(("leading", "doubt"), DOUBTS)
def test_what_chance_may_have_decided_is_told_and_not_written(run, leading, doubt):
    ended = run(ROWS, "--write", "--json", tried=(*DEFAULT, *leading))
    assert ended.exit_code == 2
    assert "nothing is written: " in ended.stderr
    assert not Path("propload.toml").exists()
    found = json.loads(ended.stdout)
    assert doubt in found["doubt"]
    assert found["best"] == {"batch_rows": 50_000, "workers": 2}
    assert found["leading"]["batch_rows"] == leading[0].batch_rows


def test_the_default_is_taken_without_doubt_where_it_leads():
    tried = (*trials(50_000, 2, 900.0, 700.0), *trials(10_000, 1, 400.0))
    found = Tuning("a.csv", 400_000, tried)
    assert (found.doubt, found.best) == ("", found.default)


def test_what_decides_is_measured_again():
    tried = [
        one
        for place, speed in enumerate((700.0, 998.0, 999.0, 1000.0, 960.0))
        for one in trials(50_000 - 10_000 * place, 2, speed)
    ]
    again = Tuning("a.csv", 400_000, tuple(tried)).finalists
    assert again[:2] == ((10_000, 2), (50_000, 2))
    assert len(again) == 5


@pytest.mark.parametrize(("rows", "doubtful"), [(4, True), (ROWS, False)])
def test_too_few_rows_are_said_to_tell_nothing(rows, doubtful):
    found = Tuning("a.csv", rows, TRIALS)
    for shown in (str(found), found._repr_html_(), found.to_json()):
        assert ("too few to tell" in shown) is doubtful
