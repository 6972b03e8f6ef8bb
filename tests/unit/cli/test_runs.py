"""`propload runs` on reports that runs left behind."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from propload.cli import build_app
from propload.report import Counts, ReasonCount, Report, TargetName


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROPLOAD_CONFIG", "")
    app = build_app()

    def call(*words):
        return CliRunner().invoke(app, ["runs", *words])

    return call


@pytest.fixture
def reports(state_dir):
    """Three runs, of which the second was stopped by the reject limit."""
    made = [
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
    for one in made:
        (folder / f"{one.run_id}.json").write_text(one.to_json(), encoding="utf-8")
    return made


def test_the_list_is_empty_before_the_first_run(run):
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
        "3,000",
        "2,000",
        "1,000",
        "2.csv",
    ]
    assert len(run("list", "--limit", "2").stdout.splitlines()) == 3
    listed = json.loads(run("list", "--json").stdout)
    assert listed == [one.as_dict() for one in reversed(reports)]


def test_runs_of_one_table_are_listed(run, reports):
    assert len(run("list", "--table", "homes").stdout.splitlines()) == 4
    result = run("list", "--table", "others")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no run into public.others has ended yet" in result.stderr


@pytest.mark.parametrize(
    ("name", "day"), [("", 3), ("20260702", 2), ("20260701T120000-aa1", 1)]
)
def test_a_report_is_shown_as_it_was(name, day, run, reports):
    words = ["show", name] if name else ["show"]
    assert run(*words).stdout == f"{reports[day - 1]}\n"
    assert json.loads(run(*words, "--json").stdout) == reports[day - 1].as_dict()


@pytest.mark.parametrize(
    ("name", "message"), [("2025", "no such run"), ("2026", "3 runs begin so")]
)
def test_a_run_that_is_not_one_is_a_usage_error(name, message, run, reports):
    result = run("show", name)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_broken_report_names_its_file(run, reports, state_dir):
    path = state_dir / "runs" / f"{reports[2].run_id}.json"
    path.write_text("{", encoding="utf-8")
    result = run("show")
    assert result.exit_code == 2
    assert str(path) in result.stderr


def test_to_drop_runs_asks_first(run, reports, state_dir):
    asked = run("drop", "--older-than", "30")
    assert asked.exit_code != 0
    assert "ended more than 30 days ago" in asked.stderr
    assert len(list((state_dir / "runs").iterdir())) == len(reports)


def test_to_drop_runs_of_one_table_asks_about_these(run, reports):
    asked = run("drop", "--older-than", "30", "--table", "homes")
    assert "runs into homes that ended" in asked.stderr


def test_no_age_is_the_default(run):
    result = run("drop", "--yes")
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
