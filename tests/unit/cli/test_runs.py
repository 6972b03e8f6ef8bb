"""`propload runs` on reports that runs left behind."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from propload.report import Counts, ReasonCount, Report, TargetName
from propload.state.unfinished_runs import (
    UnfinishedRun,
    UnfinishedRunStore,
    mark_running,
)
from propload.target import TableName


@pytest.fixture
def run(run):
    return partial(run, "runs")


@pytest.fixture
def reports(state_dir):
    """Save the reports of three runs; the reject limit stopped the second."""
    saved = [
        Report(
            run_id=f"2026070{day}T120000-aa{day}",
            status="stopped" if day == 2 else "loaded",
            source=f"{day}.csv",
            target=TargetName("local", "public.homes"),
            counts=Counts(read=3000, inserted=1000, updated=1000, rejected=1000),
            seconds=1.5,
            reasons_counted=(ReasonCount("check", "id", "key", 1000, "no key"),),
        )
        for day in (1, 2, 3)
    ]
    folder = state_dir / "runs"
    folder.mkdir(parents=True)
    for one in saved:
        (folder / f"{one.run_id}.json").write_text(one.to_json(), encoding="utf-8")
    return saved


def test_list_is_empty_before_the_first_run(run):
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no run" in result.stderr


def test_runs_are_listed_newest_first(run, reports):
    lines = [line.split("\t") for line in run("list").stdout.splitlines()]
    assert [line[0] for line in lines[1:]] == [one.run_id for one in reversed(reports)]
    assert lines[2] == [
        reports[1].run_id,
        "stopped",
        "public.homes",
        "3000",
        "2000",
        "1000",
        "2.csv",
    ]
    assert len(run("list", "--limit", "2").stdout.splitlines()) == 3
    listed = json.loads(run("list", "--json").stdout)
    assert listed == [one.as_dict() for one in reversed(reports)]


def test_list_says_if_its_limit_left_out_earlier_runs(
    run, unfinished, reports, state_dir
):
    # there are two unfinished runs and three reports
    for limit, left_out in (("1", True), ("4", True), ("5", False), ("0", False)):
        result = run("list", "--limit", limit)
        assert ("--limit 0 lists all" in result.stderr) is left_out
    assert run("list", "--limit", "1", "--quiet").stderr == ""
    result = run("list", "--limit", "2", "--json")
    assert (len(json.loads(result.stdout)), result.stderr) == (2, "")
    # a run into another table does not count if one table is listed
    other = replace(reports[0], target=TargetName("local", "public.others"))
    path = state_dir / "runs" / "20260630T120000-aa0.json"
    path.write_text(replace(other, run_id=path.stem).to_json(), encoding="utf-8")
    assert "--limit" in run("list", "--limit", "5").stderr
    assert "--limit" not in run("list", "--limit", "5", "--table", "homes").stderr


def test_runs_are_listed_by_table(run, reports):
    assert len(run("list", "--table", "homes").stdout.splitlines()) == 4
    result = run("list", "--table", "others")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no run into public.others has begun yet" in result.stderr


@pytest.fixture
def unfinished(reports, state_dir):
    """Begin two runs after the reports: the first was killed, the second still runs."""
    folder = state_dir / "runs"
    target = TargetName("local", "public.homes")
    moment = datetime(2026, 7, 4, 12, tzinfo=UTC)
    killed = UnfinishedRun("20260704T120000-bb1", "4.csv", target, moment, 4711)
    path = folder / f"{killed.run_id}.begun"
    path.write_text(json.dumps(killed.as_dict()), encoding="utf-8")
    running = replace(killed, run_id="20260704T120000-bb2")
    with mark_running(folder, running):
        yield replace(killed, status="killed"), running


def test_suggested_commands_repeat_the_state_folder_of_the_flag(
    run, unfinished, reports, state_dir, monkeypatch
):
    killed, _ = unfinished
    killed = replace(killed, way="recover")
    note = state_dir / "runs" / f"{killed.run_id}.begun"
    note.write_text(json.dumps(killed.as_dict()), encoding="utf-8")
    (state_dir / "journal" / killed.run_id).mkdir(parents=True)
    rejects = state_dir / "rejects" / "kept.ndjson"
    rejects.parent.mkdir()
    rejects.touch()
    report = replace(reports[0], rejects_path=str(rejects))
    path = state_dir / "runs" / f"{report.run_id}.json"
    path.write_text(report.to_json(), encoding="utf-8")
    assert f"rejects show {report.run_id}\n" in run("show", report.run_id).stdout
    monkeypatch.delenv("PROPLOAD_STATE_DIR")
    flag = ["--state-dir", str(state_dir)]
    shown = run("show", report.run_id, *flag).stdout
    assert f"rejects show {report.run_id} --state-dir {state_dir}\n" in shown
    shown = run("show", killed.run_id, *flag).stdout
    assert f"recover {killed.run_id} --state-dir {state_dir}\n" in shown


def test_unfinished_runs_are_listed_before_reports(run, unfinished, reports):
    killed, running = unfinished
    lines = [line.split("\t") for line in run("list").stdout.splitlines()[1:]]
    assert lines[:2] == [
        [running.run_id, "running", "public.homes", "-", "-", "-", "4.csv"],
        [killed.run_id, "killed", "public.homes", "-", "-", "-", "4.csv"],
    ]
    assert len(lines) == 5
    listed = json.loads(run("list", "--json", "--limit", "3").stdout)
    resume = f"with --resume {killed.run_id}"
    assert [one.pop("message") for one in listed] == [
        "it is running in process 4711",
        f"its process is gone; to continue: the same propload ingest {resume}",
        "",
    ]
    assert listed[:2] == [running.as_dict(), killed.as_dict()]
    assert listed[2]["run_id"] == reports[2].run_id
    assert len(run("list", "--table", "others").stdout) == 0


def test_killed_run_is_shown_with_how_to_resume_it(run, unfinished, state_dir):
    killed, _ = unfinished
    shown = run("show", killed.run_id)
    assert shown.stdout.splitlines()[0] == "4.csv → public.homes in local: killed"
    assert f"--resume {killed.run_id}" in shown.stdout
    printed = json.loads(run("show", killed.run_id, "--json").stdout)
    assert printed["status"] == "killed"


def test_show_takes_the_newest_run_even_if_it_was_killed(
    run, unfinished, reports, state_dir
):
    killed, _ = unfinished
    assert killed.run_id in run("show").stdout
    assert json.loads(run("show", "--json").stdout)["status"] == "killed"
    # a later run that ended well is newer
    later = replace(reports[0], run_id="20260705T120000-cc1")
    path = state_dir / "runs" / f"{later.run_id}.json"
    path.write_text(later.to_json(), encoding="utf-8")
    assert run("show").stdout == f"{later}\n"


@pytest.mark.parametrize(
    ("way", "left", "advice"),
    [
        ("resume", "", "to continue: the same propload ingest with --resume {run}"),
        ("again", "", "to continue: load 4.csv again"),
        ("recover", "journal/{run}", "to load what is left: propload recover {run}"),
        ("recover", "", "nothing is left in its journal"),
        (
            "replay",
            "rejects/r1.ndjson",
            "to continue: propload rejects replay r1, with the same other flags",
        ),
        ("replay", "", "no rejected row of run r1 is left"),
    ],
)
def test_advice_on_a_killed_run_depends_on_how_it_began(
    way, left, advice, run, unfinished, state_dir
):
    killed, _ = unfinished
    killed = replace(killed, way=way, replayed="r1" if way == "replay" else "")
    path = state_dir / "runs" / f"{killed.run_id}.begun"
    path.write_text(json.dumps(killed.as_dict()), encoding="utf-8")
    if left:
        (state_dir / left.format(run=killed.run_id)).mkdir(parents=True)
    shown = run("show", killed.run_id).stdout.splitlines()[-1].strip()
    assert shown == f"its process is gone; {advice.format(run=killed.run_id)}"


def test_resumed_run_is_listed_once(run, reports, state_dir):
    folder = state_dir / "runs"
    one = UnfinishedRun(
        reports[0].run_id, "1.csv", reports[0].target, datetime.now(UTC), os.getpid()
    )
    with mark_running(folder, one):
        lines = [line.split("\t")[:2] for line in run("list").stdout.splitlines()]
        shown = run("show", one.run_id).stdout
    assert shown.splitlines()[0] == "1.csv → public.homes in local: running"
    assert lines[1:][2] == [one.run_id, "running"]
    assert len(lines) == 4
    assert run("list").stdout.splitlines()[3].split("\t")[1] == "loaded"


def test_ambiguous_name_of_an_unfinished_run_is_a_usage_error(run, unfinished):
    killed, running = unfinished
    # two runs are unfinished, and three have ended
    for name, count in (("20260704", 2), ("202607", 5)):
        result = run("show", name)
        assert result.exit_code == 2
        assert f"{count} runs begin with that. See: propload runs list" in result.stderr
    assert killed.run_id in run("show", killed.run_id[:-1] + "1").stdout
    assert running.run_id in run("show", running.run_id).stdout


def test_dropping_by_age_removes_killed_runs_but_not_running_ones(
    unfinished, state_dir
):
    store = UnfinishedRunStore(state_dir / "runs")
    later = datetime.now(UTC) + timedelta(days=1)
    assert store.drop(datetime(2026, 1, 1, tzinfo=UTC)) == 0
    assert store.drop(later, table=TableName.parse("others")) == 0
    assert store.drop(later) == 1
    assert [one.status for one in store.newest()] == ["running"]


def test_empty_note_of_a_run_is_ignored(run, reports, state_dir):
    (state_dir / "runs" / "20260705T120000-cc1.begun").write_bytes(b"")
    assert len(run("list").stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("name", "day"), [("", 3), ("20260702", 2), ("20260701T120000-aa1", 1)]
)
def test_show_prints_the_report_that_was_saved(name, day, run, reports):
    arguments = ["show", name] if name else ["show"]
    assert run(*arguments).stdout == f"{reports[day - 1]}\n"
    assert json.loads(run(*arguments, "--json").stdout) == reports[day - 1].as_dict()


@pytest.mark.parametrize(
    ("name", "message"), [("2025", "no report"), ("2026", "3 runs begin with that")]
)
def test_unknown_or_ambiguous_name_of_a_report_is_a_usage_error(
    name, message, run, reports
):
    result = run("show", name)
    assert result.exit_code == 2
    assert message in result.stderr


def test_error_about_a_broken_report_names_its_file(run, reports, state_dir):
    path = state_dir / "runs" / f"{reports[2].run_id}.json"
    path.write_text("{", encoding="utf-8")
    result = run("show")
    assert result.exit_code == 2
    assert str(path) in result.stderr


def test_drop_asks_before_it_deletes(run, reports, state_dir):
    result = run("drop", "--older-than", "30")
    assert result.exit_code != 0
    assert "ended more than 30 days ago" in result.stderr
    assert len(list((state_dir / "runs").iterdir())) == len(reports)


def test_drop_of_one_tables_runs_asks_about_that_table(run, reports):
    result = run("drop", "--older-than", "30", "--table", "homes")
    assert "runs into homes that ended" in result.stderr


def test_drop_needs_an_age(run):
    result = run("drop", "--yes")
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
