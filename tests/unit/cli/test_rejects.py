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
    return lambda *arguments, answer=None: run("rejects", *arguments, input=answer)


def test_list_is_empty_if_no_run_has_rejected_rows(run):
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no run has rejected rows" in result.stderr
    assert json.loads(run("list", "--json").stdout) == []


def test_list_names_runs_newest_first(run, rejecting_runs):
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


def test_limit_bounds_the_list_and_zero_lists_all(run, rejecting_runs):
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


def test_documented_command_for_cron_lists_all_runs(run, rejecting_runs, state_dir):
    folder = state_dir / "rejects"
    for number in range(LISTED_RUNS):
        copy(folder / f"{RUNS[0]}.ndjson", folder / f"20260801-{number:03}.ndjson")
    guide = DOCS / "getting-started.md"
    [line] = re.findall(r"propload rejects (list .*) --config", guide.read_text())
    result = run(*line.split())
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 1 + LISTED_RUNS + len(RUNS)


def test_show_prints_one_line_per_reason(run, rejecting_runs):
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


def test_show_takes_the_newest_run_and_counts_rows_left_out(run, rejecting_runs):
    result = run("show")
    assert len(result.stdout.splitlines()) == 21
    assert "10 more rows" in result.stderr
    assert len(run("show", "--limit", "0").stdout.splitlines()) == 31
    assert len(run("show", "--limit", "2").stdout.splitlines()) == 3


def test_show_prints_rows_as_json_as_they_are_stored(run, rejecting_runs):
    rows = [json.loads(line) for line in run("show", "--json").stdout.splitlines()]
    assert [row["values"]["id"] for row in rows] == [f"x\t{n}" for n in range(30)]
    assert rows[0]["reasons"][0]["message"] == "is not an integer"


def test_reason_without_a_value_can_be_shown(run, rejecting_runs, state_dir):
    path = state_dir / "rejects" / f"{RUNS[0]}.ndjson"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'"value":"[^"]*",', "", text), encoding="utf-8")
    lines = run("show", RUNS[0]).stdout.splitlines()[1:]
    assert [line.split("\t")[4] for line in lines] == ["", "", ""]


def test_control_characters_are_escaped_in_tables_and_kept_in_json(
    run, rejecting_runs, state_dir
):
    path = state_dir / "rejects" / f"{RUNS[1]}.ndjson"
    text = path.read_text(encoding="utf-8")
    text = text.replace("is not an integer", r"\u001b]0;owned\u0007")
    path.write_text(text, encoding="utf-8")
    for arguments in ("list",), ("show",), ("show", "--limit", "1"):
        shown = run(*arguments).stdout
        assert r"\x1b]0;owned\x07" in shown
        assert "\x1b" not in shown
    row = json.loads(run("show", "--json").stdout.splitlines()[0])
    assert row["reasons"][0]["message"] == "\x1b]0;owned\x07"


def test_rows_beyond_the_limit_are_counted_without_being_parsed(
    run, rejecting_runs, state_dir
):
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


def test_incomplete_last_line_of_a_killed_run_is_ignored(
    run, rejecting_runs, state_dir
):
    path = state_dir / "rejects" / f"{RUNS[1]}.ndjson"
    path.write_bytes(path.read_bytes() + '{"run":"é'.encode()[:-1])
    result = run("show", "--json")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 30)


@pytest.fixture
def old_rejects(rejecting_runs, state_dir):
    """Make the rejects of the first of two runs 91 days old. Value: their file."""
    path = state_dir / "rejects" / f"{RUNS[0]}.ndjson"
    os.utime(path, (time.time() - 91 * 86_400,) * 2)
    return path


def test_drop_by_age_deletes_only_older_rejects(run, old_rejects):
    declined = run("drop", "--older-than", "90", answer="n\n")
    assert "rejected more than 90 days ago" in declined.stderr
    assert old_rejects.exists()
    assert json.loads(run("drop", "--older-than", "92", "-y", "--json").stdout) == {
        "runs": 0
    }
    result = run("drop", "--older-than", "90", "--yes")
    assert result.stderr == "deleted the rejected rows of 1 run\n"
    assert [path.stem for path in old_rejects.parent.glob("*.ndjson")] == [RUNS[1]]


def test_drop_leaves_locked_rejects_alone(run, old_rejects):
    with RejectStore(old_rejects.parent).locked(RUNS[0]):
        result = run("drop", "--older-than", "90", "--yes")
        assert (result.exit_code, result.stderr) == (
            0,
            "deleted the rejected rows of 0 runs\n",
        )
    assert old_rejects.exists()


def test_drop_needs_either_a_run_or_an_age(run, old_rejects):
    for arguments in ((), (RUNS[0], "--older-than", "90")):
        result = run("drop", *arguments, "--yes")
        assert result.exit_code == 2
        assert "RUN, or --older-than DAYS" in result.stderr
    assert old_rejects.exists()


def test_drop_asks_before_it_deletes(run, rejecting_runs):
    declined = run("drop", RUNS[0], answer="n\n")
    assert (declined.exit_code, "3 rejected rows" in declined.stderr) == (1, True)
    assert json.loads(run("drop", RUNS[0], "--json", answer="n\n").stdout)["message"]
    assert len(run("list").stdout.splitlines()) == 3
    assert run("drop", RUNS[0], answer="y\n").exit_code == 0
    assert run("drop", RUNS[1], "--yes").exit_code == 0
    assert run("list").stdout == ""
    # never the newest one by accident
    assert run("drop").exit_code == 2


def test_replay_passes_on_the_run_the_function_and_the_settings(
    run, rejecting_runs, monkeypatch, tmp_path
):
    (tmp_path / "mending_rows.py").write_text(
        "def fix(frame):\n    return frame\nnumber = 3\n", encoding="utf-8"
    )
    calls = []

    def replay(run_id, /, *, fix, **settings):
        calls.append((run_id, fix and fix.__name__, settings))
        return Report(run_id, "loaded", "r", TargetName("d", "t"), Counts(), 1.0)

    module = ModuleType("propload.earlier_runs.replaying")
    module.replay = replay
    monkeypatch.setitem(sys.modules, "propload.earlier_runs.replaying", module)
    arguments = ("--fix", "mending_rows:fix", "--mapping", "m.toml")
    assert run("replay", RUNS[0], *arguments).exit_code == 0
    assert run("replay").exit_code == 0
    assert calls == [(RUNS[0], "fix", {"mapping": "m.toml"}), ("", None, {})]
    for bad in ("mending_rows", "mending_rows:number", "mending_rows:none", "none:fix"):
        assert run("replay", "--fix", bad).exit_code == 2
    assert len(calls) == 2
    sys.modules.pop("mending_rows")


def test_unknown_run_is_a_usage_error(run, rejecting_runs):
    result = run("show", "2025")
    assert result.exit_code == 2
    assert "propload rejects list" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("export", "-o", "out.csv"), ("drop", "--yes"), ("replay",)],
)
def test_error_names_the_run_that_replayed_the_rows(
    arguments, run, state_dir, tmp_path
):
    reports = ReportStore(state_dir / "runs")
    target, name, *flags = TargetName("d", "t"), *arguments
    for run_id, source, counts in (
        (RUNS[0], "a.csv", Counts(read=3, rejected=3)),
        (RUNS[1], f"rejects of {RUNS[0]}", Counts(read=3, inserted=3)),
    ):
        reports.save(Report(run_id, "loaded", source, target, counts, 1.0))
    result = run(name, RUNS[0], *flags)
    assert result.exit_code == 2
    assert f"run {RUNS[1]} has replayed 3 rows" in result.stderr
    assert not (tmp_path / "out.csv").exists()
