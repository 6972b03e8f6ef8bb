"""`propload recover`: its arguments, what it prints, and its exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

from propload.cli import build_app
from propload.errors import ConfigError, LoadError
from propload.journal import Leftover
from propload.report import Counts, Report, TargetName


def make_report(run_id, status="loaded"):
    return Report(run_id, status, "s", TargetName("d", "t"), Counts(), 1.0)


@pytest.fixture
def recovering(monkeypatch, tmp_path):
    """Replace the recovery of journals by a double that records its calls."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROPLOAD_CONFIG", "")
    module = ModuleType("propload.earlier_runs.recovering")
    module.calls, module.reports, module.left, module.error = [], [], [], None

    def recover(run_id, /, on_report, moved, **settings):
        module.calls.append((run_id, settings))
        module.moved = moved
        for report in module.reports:
            on_report(report)
        if module.error is not None:
            raise module.error
        return module.reports

    module.recover = recover
    module.leftovers = lambda **_: module.left
    for name in ("recovering", "leftover_journals"):
        monkeypatch.setitem(sys.modules, f"propload.earlier_runs.{name}", module)
    return module


def run(*arguments):
    return CliRunner().invoke(build_app(), ["recover", *arguments])


def test_recover_says_that_no_journal_is_left(recovering):
    result = run()
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no journal is left" in result.stderr
    assert json.loads(run("--json").stdout) == []
    assert "no journal is left" in run("--list").stderr
    assert json.loads(run("--list", "--json").stdout) == []


def test_recover_points_out_journals_of_another_database(recovering):
    recovering.left = [SimpleNamespace(about={"database": "db.example.org/homes"})]
    stderr = " ".join(run().stderr.split())
    assert "nothing was loaded: 1 journal waits for db.example.org/homes" in stderr
    assert "Pass --to as the run did" in stderr


def test_empty_list_of_a_database_points_out_journals_of_others(
    recovering, monkeypatch
):
    other = SimpleNamespace(about={"database": "db.example.org/homes"})
    monkeypatch.setattr(
        recovering, "leftovers", lambda **settings: [] if "to" in settings else [other]
    )
    stderr = " ".join(run("--list", "--to", "host=typo").stderr.split())
    assert "none for --to: 1 journal waits for db.example.org/homes" in stderr
    assert "propload recover --list" in stderr


def test_recover_says_that_no_journal_is_left_for_a_table(recovering):
    assert "no journal is left for homes" in run("--table", "homes").stderr
    assert "no journal is left for homes" in run("--list", "--table", "homes").stderr
    assert recovering.calls == [("", {"table": "homes"})]


def test_recover_has_no_flags_for_reading_and_resuming(recovering):
    assert run("--delimiter", ";").exit_code == 2
    assert run("--resume", "true").exit_code == 2
    assert recovering.calls == []


def test_report_of_each_recovered_run_is_printed(recovering):
    recovering.reports = [make_report("r1"), make_report("r2")]
    assert run().stdout == f"{recovering.reports[0]}\n{recovering.reports[1]}\n"
    shown = json.loads(run("r1", "--to", "dsn", "--json").stdout)
    assert [one["run_id"] for one in shown] == ["r1", "r2"]
    assert recovering.calls == [("", {}), ("r1", {"to": "dsn"})]


def test_reports_are_printed_even_if_a_later_journal_cannot_be_loaded(recovering):
    recovering.reports = [make_report("r1")]
    failed = make_report("r2", "failed")
    recovering.error = LoadError("no such column", report=failed)
    result = run()
    assert (result.exit_code, result.stdout) == (1, f"{make_report('r1')}\n{failed}\n")
    assert result.stderr.endswith(" propload: no such column\n")
    shown = json.loads(run("--json").stdout)
    assert [(one["run_id"], one["status"]) for one in shown] == [
        ("r1", "loaded"),
        ("r2", "failed"),
    ]
    recovering.error = LoadError("locked", exit_code=75)
    result = run("--json")
    assert result.exit_code == 75
    assert json.loads(result.stdout)[1] == {
        "status": "failed",
        "message": "locked",
        "exit_code": 75,
    }


def test_second_signal_prints_the_reports_of_journals_loaded_before(recovering):
    recovering.reports = [make_report("r1")]
    recovering.error = KeyboardInterrupt("SIGINT")
    result = run("--json")
    assert result.exit_code == 130
    first, last = json.loads(result.stdout)
    assert (first["run_id"], first["status"]) == ("r1", "loaded")
    assert last == {
        "status": "interrupted",
        "message": "interrupted: SIGINT",
        "exit_code": 130,
    }
    stopped = make_report("r2", "interrupted")
    recovering.error.__cause__ = LoadError("stopped", report=stopped)
    assert [one["run_id"] for one in json.loads(run("--json").stdout)] == ["r1", "r2"]
    result = run()
    assert result.exit_code == 130
    assert result.stdout == f"{make_report('r1')}\n{stopped}\n"
    assert result.stderr.endswith(" propload: interrupted: SIGINT\n")


def test_exit_code_is_that_of_the_worst_outcome(recovering):
    recovering.reports = [make_report("r1"), make_report("r2", "interrupted")]
    assert run().exit_code == 130


def test_journals_are_listed_without_being_loaded(recovering, monkeypatch):
    about = {"table": "public.homes", "database": "here", "source": "funda"}
    recovering.left = [Leftover("r1", Path("j/r1"), about)]
    monkeypatch.setattr(Leftover, "measure", lambda _: (1200, 0))
    lines = run("--list").stdout.splitlines()
    assert "rows at most" in lines[0]
    assert lines[1].split("\t") == ["r1", "1200", "public.homes", "here", "funda"]
    listed = json.loads(run("--list", "--json").stdout)
    assert listed == [{**about, "run_id": "r1", "rows": 1200, "damaged_bytes": 0}]
    assert recovering.calls == []


@pytest.mark.parametrize("arguments", [("--list",), ("r1", "--drop")])
def test_damaged_journal_is_reported_with_its_unreadable_bytes(
    recovering, monkeypatch, arguments
):
    recovering.drop_leftover = None
    recovering.left = [Leftover("r1", Path("j/r1"), {})]
    monkeypatch.setattr(Leftover, "measure", lambda _: (0, 0))
    assert "damaged" not in run(*arguments).stderr
    monkeypatch.setattr(Leftover, "measure", lambda _: (0, 48_000))
    result = run(*arguments)
    assert "the journal of run r1 is damaged" in result.stderr
    assert "48,000 bytes of rows that cannot be read" in result.stderr


def test_drop_asks_for_confirmation_only_if_the_journal_exists(recovering, monkeypatch):
    def drop_leftover(run_id, **_):
        msg = f"no journal of run {run_id} is left"
        raise ConfigError(msg)

    recovering.drop_leftover = drop_leftover
    recovering.left = [Leftover("r1", Path("j/r1"), {})]
    monkeypatch.setattr(Leftover, "measure", lambda _: (1200, 0))
    result = run("r2", "--drop")
    assert result.exit_code == 2
    assert result.stderr.endswith(" propload: no journal of run r2 is left\n")
    assert "?" not in result.stderr
    declined = run("r1", "--drop")
    assert declined.exit_code == 1
    assert "Delete the journal of run r1, at most 1,200 rows?" in declined.stderr


def test_setting_that_does_not_apply_to_a_list_is_refused(recovering):
    result = run("--list", "--max-rejects", "3", "--table", "homes")
    assert result.exit_code == 2
    assert "max_rejects does not apply to recover --list: leave it out" in result.stderr
    assert run("--list", "--table", "homes").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--list", "--drop", "one"), "--list and --drop exclude each other"),
        (("--list", "--moved"), "--list and --moved exclude each other"),
        (("--drop", "--moved", "one"), "--drop and --moved exclude each other"),
        (("--list", "one"), "--list lists the journals of all runs: leave one out"),
        (("--drop", "one", "--key", "a"), "key does not apply to recover --drop"),
    ],
)
def test_conflicting_flags_are_refused(recovering, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert recovering.calls == []
