"""`propload tune`: how it explains its choice, and what it writes."""

from __future__ import annotations

import json
import tomllib
from itertools import product
from pathlib import Path

import pytest

from propload import tuning
from propload.config import SETTINGS
from propload.errors import ConfigError
from propload.options import UNTRIED
from propload.trials import FEWEST_ROWS, Trial, Tuning, wins_needed
from propload.tuning import tune

ROWS = 20_000


def trials(batch_rows, workers, *speeds):
    return tuple(Trial(batch_rows, workers, 1.0, one, 1 << 20) for one in speeds)


def compared(*ratios, batch_rows=10_000, workers=1):
    """Return a search with a choice this many times as fast as the default."""
    default = trials(50_000, 2, *[400.0] * len(ratios))
    other = trials(batch_rows, workers, *[400.0 * one for one in ratios])
    pairs = tuple(zip(default, other, strict=True))
    return {"trials": (*default, *other), "pairs": pairs}


CLEAR = compared(1.5, 2.0, 2.2, 1.1, 2.5)


@pytest.fixture
def run(run, monkeypatch):
    """Return a function that runs `tune` with a made-up search of so many rows."""

    def call(rows, *arguments, found=CLEAR):
        found = Tuning("a.csv", rows, **found)
        monkeypatch.setattr(tuning, "tune", lambda *_, **__: found)
        return run("tune", "a.csv", *arguments)

    return call


def test_choice_is_written_to_the_configuration(run):
    result = run(ROWS, "--write")
    assert result.exit_code == 0
    assert (
        "batch_rows = 10000 and workers = 1 written to propload.toml, for every job "
        "(--job NAME"
    ) in result.stderr
    assert "+100% compared with the default" in result.stdout
    assert "faster in 5 of 5 comparisons" in result.stdout
    assert tomllib.loads(Path("propload.toml").read_text()) == {
        "batch_rows": 10_000,
        "workers": 1,
    }


def test_choice_is_written_for_one_job(run):
    Path("propload.toml").write_text('[jobs.nightly]\ntable = "t"\n')
    result = run(ROWS, "--write", "--job", "nightly")
    assert "propload.toml, for job nightly" in result.stderr
    found = tomllib.loads(Path("propload.toml").read_text())
    assert found["jobs"]["nightly"]["batch_rows"] == 10_000
    assert "batch_rows" not in found


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--quiet",)])
def test_choice_from_too_few_rows_is_not_written(run, arguments):
    result = run(FEWEST_ROWS - 1, "--write", *arguments)
    assert result.exit_code == 2
    assert "nothing is written: 9,999 rows are too few" in result.stderr
    assert not Path("propload.toml").exists()


def test_stdout_is_one_json_object_even_if_writing_fails(run):
    result = run(ROWS, "--write", "--json", "--job", "nightly")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["best"] == {"batch_rows": 10_000, "workers": 1}


@pytest.mark.parametrize("name", sorted(UNTRIED))
def test_setting_that_trials_do_not_use_is_refused(run, name):
    result = run(FEWEST_ROWS, SETTINGS[name].flag, "1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option" in result.stderr
    with pytest.raises(ConfigError, match=f"{name} .*: tune without it"):
        tune([{"id": 1}], table="t", **{name: 1})


DEFAULT = trials(50_000, 2, 400.0)
DOUBTS = [
    (trials(10_000, 1, 900.0), "it was not compared with the default 5 times"),
    (trials(200_000, 4, 900.0, 900.0), "the 20,000 rows tried are no more than one"),
]


@pytest.mark.parametrize(("leading", "doubt"), DOUBTS)
def test_doubtful_choice_is_explained_and_not_written(run, leading, doubt):
    result = run(ROWS, "--write", "--json", found={"trials": (*DEFAULT, *leading)})
    assert result.exit_code == 2
    assert "nothing is written: " in result.stderr
    assert not Path("propload.toml").exists()
    found = json.loads(result.stdout)
    assert doubt in found["doubt"]
    assert found["best"] == {"batch_rows": 50_000, "workers": 2}
    assert found["leading"]["batch_rows"] == leading[0].batch_rows


#: Searches that were long enough, and found nothing that is clearly faster.
ALIKE = [
    # four wins of five may be chance, however large they are
    compared(2.0, 2.0, 2.0, 0.9, 2.0),
    compared(1.3, 0.8, 1.2, 0.7, 1.1, 1.3, 0.9, 1.2),
    # always faster, but by too little to give up a choice that adapts
    compared(1.01, 1.02, 1.03, 1.02, 1.01),
    {"trials": (*trials(50_000, 2, 900.0, 700.0), *trials(10_000, 1, 400.0))},
]


@pytest.mark.parametrize("alike", ALIKE)
def test_choice_is_auto_if_chance_may_explain_the_difference(run, alike):
    Path("propload.toml").write_text("batch_rows = 10\n")
    result = run(400_000, "--write", found=alike)
    assert result.exit_code == 0
    assert "\nbest: auto for both, as no choice is " in result.stdout
    assert "batch_rows = auto and workers = auto written to" in result.stderr
    settings = {"batch_rows": "auto", "workers": "auto"}
    assert tomllib.loads(Path("propload.toml").read_text()) == settings
    found = Tuning("a.csv", 400_000, **alike)
    assert (found.doubt, found.best, found.settings) == ("", found.default, settings)


@pytest.mark.parametrize("lost", [0, 1])
def test_one_loss_in_eight_comparisons_is_allowed(lost):
    found = compared(*[2.0] * (8 - lost), *[0.5] * lost)
    assert Tuning("a.csv", ROWS, **found).is_clear
    assert wins_needed(8) == 7


@pytest.mark.parametrize("pairs", [1, 4, 5, 8, 12])
def test_required_wins_come_by_chance_at_most_once_in_twenty_times(pairs):
    needed = wins_needed(pairs)
    tosses = list(product((0, 1), repeat=pairs))
    lucky = sum(sum(one) >= needed for one in tosses) / len(tosses)
    luckier = sum(sum(one) >= needed - 1 for one in tosses) / len(tosses)
    assert lucky <= 0.05 < luckier


def test_leading_choice_and_default_are_measured_again_first():
    tried = [
        one
        for place, speed in enumerate((700.0, 998.0, 999.0, 1000.0, 960.0))
        for one in trials(50_000 - 10_000 * place, 2, speed)
    ]
    again = Tuning("a.csv", 400_000, tuple(tried)).finalists
    assert again[:2] == ((10_000, 2), (50_000, 2))
    assert len(again) == 5


@pytest.mark.parametrize(("rows", "doubtful"), [(4, True), (ROWS, False)])
def test_text_html_and_json_say_if_rows_are_too_few(rows, doubtful):
    found = Tuning("a.csv", rows, **CLEAR)
    for shown in (str(found), found._repr_html_(), found.to_json()):
        assert ("too few to tell" in shown) is doubtful
