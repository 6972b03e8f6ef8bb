"""`propload rejects` on files that runs left behind."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from shutil import copy
from types import ModuleType

import pytest

from propload.cli.run_arguments import LISTED_RUNS
from propload.rejecting import RejectStore
from propload.report import Counts, Report, TargetName
from propload.state.report_store import ReportStore
from tests.unit.cli.rejected import RUNS

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def run(run, state_dir):
    return lambda *words, given=None: run("rejects", *words, input=given)


def test_the_list_is_empty_before_a_row_was_refused(run):
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no run has rejected rows" in result.stderr
    assert json.loads(run("list", "--json").stdout) == []


def test_the_list_names_runs_newest_first(run, refused):
    lines = run("list").stdout.splitlines()
    assert [line.split("\t")[:3] for line in lines] == [
        ["run", "rows", "source"],
        [RUNS[1], "30", "a.csv"],
        [RUNS[0], "3", "a.csv"],
    ]
    values = json.loads(run("list", "--json").stdout)
    assert [(one["run_id"], one["rows"]) for one in values] == [
        (RUNS[1], 30),
        (RUNS[0], 3),
    ]


def test_the_list_is_as_long_as_it_is_told_to_be(run, refused):
    result = run("list", "--limit", "1")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [
        "run",
        RUNS[1],
    ]
    assert "--limit 0 lists all" in result.stderr
    assert len(json.loads(run("list", "--json", "--limit", "1").stdout)) == 1
    for limit in ("0", "2"):
        result = run("list", "--limit", limit)
        assert len(result.stdout.splitlines()) == 3
        assert "--limit" not in result.stderr


def test_the_line_for_cron_tells_of_all_that_waits(run, refused, state_dir):
    folder = state_dir / "rejects"
    for number in range(LISTED_RUNS):
        copy(folder / f"{RUNS[0]}.ndjson", folder / f"20260801-{number:03}.ndjson")
    guide = DOCS / "getting-started.md"
    [line] = re.findall(r"propload rejects (list .*) --config", guide.read_text())
    told = run(*line.split())
    assert (told.exit_code, told.stderr) == (0, "")
    assert len(told.stdout.splitlines()) == 1 + LISTED_RUNS + len(RUNS)


def test_show_prints_a_reason_a_line(run, refused):
    result = run("show", RUNS[0])
    lines = result.stdout.splitlines()
    assert lines[0].split("\t")[0] == "row"
    assert lines[1].split("\t") == [
        "a.csv:1",
        "map",
        "id",
        "cast",
        "x 0",
        "is not an integer",
    ]
    assert len(lines) == 4


def test_show_takes_the_newest_run_and_says_what_it_left_out(run, refused):
    result = run("show")
    assert len(result.stdout.splitlines()) == 21
    assert "10 more rows" in result.stderr
    assert len(run("show", "--limit", "0").stdout.splitlines()) == 31
    assert len(run("show", "--limit", "2").stdout.splitlines()) == 3


def test_show_as_json_is_each_row_as_it_was_kept(run, refused):
    rows = [json.loads(line) for line in run("show", "--json").stdout.splitlines()]
    assert [row["values"]["id"] for row in rows] == [f"x\t{n}" for n in range(30)]
    assert rows[0]["reasons"][0]["message"] == "is not an integer"


def test_a_reason_may_lack_its_value(run, refused, state_dir):
    path = state_dir / "rejects" / f"{RUNS[0]}.ndjson"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'"value":"[^"]*",', "", text), encoding="utf-8")
    lines = run("show", RUNS[0]).stdout.splitlines()[1:]
    assert [line.split("\t")[4] for line in lines] == ["", "", ""]


def test_a_value_commands_no_terminal(run, refused, state_dir):
    path = state_dir / "rejects" / f"{RUNS[1]}.ndjson"
    text = path.read_text(encoding="utf-8")
    text = text.replace("is not an integer", r"\u001b]0;owned\u0007")
    path.write_text(text, encoding="utf-8")
    for words in ("list",), ("show",), ("show", "--limit", "1"):
        shown = run(*words).stdout
        assert r"\x1b]0;owned\x07" in shown
        assert "\x1b" not in shown
    told = json.loads(run("show", "--json").stdout.splitlines()[0])
    assert told["reasons"][0]["message"] == "\x1b]0;owned\x07"


def test_rows_that_are_not_shown_are_counted_and_not_read(run, refused, state_dir):
    path = state_dir / "rejects" / f"{RUNS[1]}.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:24], b"no row\n", *lines[25:]]))
    result = run("show")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 21)
    assert "10 more rows" in result.stderr
    assert "\t30\t" in run("list").stdout
    result = run("show", "--limit", "0")
    assert result.exit_code == 2
    assert "line 25: this is not a rejected row" in result.stderr


def test_half_a_line_of_a_killed_run_is_not_shown(run, refused, state_dir):
    path = state_dir / "rejects" / f"{RUNS[1]}.ndjson"
    path.write_bytes(path.read_bytes() + '{"run":"é'.encode()[:-1])
    result = run("show", "--json")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 30)


@pytest.fixture
def aged(refused, state_dir):
    """Let the first of the two runs have refused its rows 91 days ago."""
    path = state_dir / "rejects" / f"{RUNS[0]}.ndjson"
    os.utime(path, (time.time() - 91 * 86_400,) * 2)
    return path


def test_drop_deletes_what_was_refused_long_ago(run, aged):
    asked = run("drop", "--older-than", "90", given="n\n")
    assert "rejected more than 90 days ago" in asked.stderr
    assert aged.exists()
    assert json.loads(run("drop", "--older-than", "92", "-y", "--json").stdout) == {
        "runs": 0
    }
    done = run("drop", "--older-than", "90", "--yes")
    assert done.stderr == "deleted the rejected rows of 1 run\n"
    assert [path.stem for path in aged.parent.glob("*.ndjson")] == [RUNS[1]]


def test_drop_leaves_rows_that_somebody_holds(run, aged):
    with RejectStore(aged.parent).locked(RUNS[0]):
        done = run("drop", "--older-than", "90", "--yes")
        assert (done.exit_code, done.stderr) == (
            0,
            "deleted the rejected rows of 0 runs\n",
        )
    assert aged.exists()


def test_drop_is_told_a_run_or_an_age(run, aged):
    for words in ((), (RUNS[0], "--older-than", "90")):
        told = run("drop", *words, "--yes")
        assert told.exit_code == 2
        assert "RUN, or --older-than DAYS" in told.stderr
    assert aged.exists()


def test_drop_asks_before_it_deletes(run, refused):
    no = run("drop", RUNS[0], given="n\n")
    assert (no.exit_code, "3 rejected rows" in no.stderr) == (1, True)
    assert json.loads(run("drop", RUNS[0], "--json", given="n\n").stdout)["message"]
    assert len(run("list").stdout.splitlines()) == 3
    assert run("drop", RUNS[0], given="y\n").exit_code == 0
    assert run("drop", RUNS[1], "--yes").exit_code == 0
    assert run("list").stdout == ""
    # never the newest one by accident
    assert run("drop").exit_code == 2


def test_replay_hands_over_the_run_the_function_and_the_settings(
    run, refused, monkeypatch, tmp_path
):
    (tmp_path / "mending_rows.py").write_text(
        "def fix(frame):\n    return frame\nnumber = 3\n", encoding="utf-8"
    )
    told = []

    def replay(run_id, /, *, fix, **settings):
        told.append((run_id, fix and fix.__name__, settings))
        return Report(run_id, "loaded", "r", TargetName("d", "t"), Counts(), 1.0)

    module = ModuleType("propload.earlier_runs.replaying")
    module.replay = replay
    monkeypatch.setitem(sys.modules, "propload.earlier_runs.replaying", module)
    words = ("--fix", "mending_rows:fix", "--mapping", "m.toml")
    assert run("replay", RUNS[0], *words).exit_code == 0
    assert run("replay").exit_code == 0
    assert told == [(RUNS[0], "fix", {"mapping": "m.toml"}), ("", None, {})]
    for bad in ("mending_rows", "mending_rows:number", "mending_rows:none", "none:fix"):
        assert run("replay", "--fix", bad).exit_code == 2
    assert len(told) == 2
    sys.modules.pop("mending_rows")


def test_a_run_that_is_not_there_is_a_usage_error(run, refused):
    result = run("show", "2025")
    assert result.exit_code == 2
    assert "propload rejects list" in result.stderr


@pytest.mark.parametrize(
    "words", [("show",), ("export", "-o", "out.csv"), ("drop", "--yes"), ("replay",)]
)
def test_rows_that_were_replayed_are_told_to_be_gone(words, run, state_dir, tmp_path):
    reports = ReportStore(state_dir / "runs")
    target, name, *flags = TargetName("d", "t"), *words
    for run_id, source, counts in (
        (RUNS[0], "a.csv", Counts(read=3, rejected=3)),
        (RUNS[1], f"rejects of {RUNS[0]}", Counts(read=3, inserted=3)),
    ):
        reports.save(Report(run_id, "loaded", source, target, counts, 1.0))
    result = run(name, RUNS[0], *flags)
    assert result.exit_code == 2
    assert f"run {RUNS[1]} has replayed 3 rows" in result.stderr
    assert not (tmp_path / "out.csv").exists()
