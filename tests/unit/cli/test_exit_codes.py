"""How a command ends: its exit code, its report, and what it says of an error."""

from __future__ import annotations

import json
import sys

import pytest

from propload.errors import (
    ConfigError,
    LoadError,
    LockedError,
    RejectLimitError,
    SourceError,
    WriteError,
)
from propload.report import Counts
from tests.unit.cli.loads import CheckDouble, a_report


@pytest.mark.parametrize("problems", [(), ("no key",)])
def test_check_exits_with_130_where_it_was_interrupted(run, load, problems):
    load.answer = CheckDouble(problems, interrupted=True)
    assert run("check", "a.csv").exit_code == 130


@pytest.mark.parametrize(("problems", "code"), [((), 0), (("no key",), 1)])
def test_check_exits_with_1_where_a_load_would_stop(run, load, problems, code):
    load.answer = CheckDouble(problems)
    assert run("check", "a.csv").exit_code == code


def test_the_report_is_text_or_json(run, load):
    assert run("ingest", "a.csv").stdout == f"{load.answer}\n"
    result = run("ingest", "a.csv", "--json")
    assert json.loads(result.stdout) == load.answer.as_dict()
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("loaded", 0),
        ("failed", 1),
        ("stopped", 3),
        ("blocked", 5),
        ("interrupted", 130),
    ],
)
def test_the_exit_code_is_that_of_the_report(status, code, run, load):
    load.answer = a_report(status=status)
    assert run("ingest", "a.csv").exit_code == code


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        (Counts(read=2, rejected=2), 3),
        # nothing is in the table: the duplicate gave way to the rejected row
        (Counts(read=2, rejected=1, duplicates=1), 3),
        (Counts(read=3, rejected=1, duplicates=1, unchanged=1), 0),
        (Counts(), 0),
    ],
)
def test_a_run_that_refused_every_row_is_no_success_to_cron(counts, code, run, load):
    load.answer = a_report(counts=counts)
    assert run("ingest", "a.csv").exit_code == code


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("wrong word"),
        SourceError("cannot be read", source="a.csv", row=3),
        WriteError("refused", table="homes"),
        RejectLimitError("too many", report=a_report(status="stopped")),
        LockedError("locked"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_is_a_message_and_its_code(error, debug, run, load):
    load.answer = error
    result = run("ingest", "a.csv", *(["--debug"] if debug else []))
    assert result.exit_code == error.exit_code
    assert result.stderr.endswith(f"propload: {error}\n")
    assert ("Traceback" in result.stderr) is debug
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_an_error_with_a_report_prints_the_report_too(run, load):
    report = a_report(status="stopped")
    load.answer = RejectLimitError("too many", report=report)
    result = run("ingest", "a.csv", "--json")
    assert json.loads(result.stdout) == report.as_dict()
    assert result.stderr.endswith(" propload: too many\n")


def test_an_error_without_a_report_is_json_too(run, load):
    load.answer = SourceError("homes.csv does not exist")
    result = run("ingest", "a.csv", "--json")
    assert json.loads(result.stdout) == {
        "status": "failed",
        "message": "homes.csv does not exist",
        "exit_code": 4,
    }
    assert result.stderr.endswith(" propload: homes.csv does not exist\n")


def test_another_user_s_file_is_no_fault_of_propload(run, load, tmp_path, monkeypatch):
    load.answer = PermissionError(13, "Permission denied", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    said = run("ingest", "a.csv").stderr
    assert f"propload: {tmp_path} belongs to " in said
    assert "unexpected" not in said


def test_a_fault_of_propload_is_one_line_without_debug(run, load):
    load.answer = ZeroDivisionError("division by zero")
    result = run("ingest", "a.csv")
    assert result.exit_code == 1
    assert " propload: unexpected ZeroDivisionError: division" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" in run("ingest", "a.csv", "--debug").stderr


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (MemoryError(), "cannot get more memory: raise its limit (ulimit -v"),
        (
            RuntimeError("can't start new thread"),
            "cannot start more threads: raise the limit",
        ),
    ],
)
def test_a_limit_of_the_process_is_no_fault_of_propload(error, limit, run, load):
    load.answer = error
    result = run("ingest", "a.csv")
    assert result.exit_code == 1
    assert limit in result.stderr
    assert "unexpected" not in result.stderr


def test_a_fault_of_propload_is_json_too(run, load):
    load.answer = ZeroDivisionError("division by zero")
    said = json.loads(run("ingest", "a.csv", "--json").stdout)
    assert (said["status"], said["exit_code"]) == ("failed", 1)
    assert "unexpected ZeroDivisionError: division by zero" in said["message"]


def test_ctrl_c_is_130_without_a_traceback(run, load):
    load.answer = KeyboardInterrupt()
    result = run("ingest", "a.csv")
    assert result.exit_code == 130
    assert result.stderr.endswith(" propload: interrupted\n")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_ctrl_c_before_there_is_a_report_is_json_too(run, load):
    load.answer = KeyboardInterrupt("the run was stopped before it began")
    result = run("ingest", "a.csv", "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout) == {
        "status": "interrupted",
        "message": "interrupted: the run was stopped before it began",
        "exit_code": 130,
    }


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_second_ctrl_c_prints_the_report_of_what_was_loaded(run, load, words):
    report = a_report(status="failed")
    load.answer = KeyboardInterrupt("SIGINT")
    load.answer.__cause__ = LoadError("told to stop immediately", report=report)
    result = run("ingest", "a.csv", *words)
    assert result.exit_code == 130
    assert report.run_id in result.stdout
    if words:
        assert json.loads(result.stdout) == report.as_dict()
    assert result.stderr.endswith(" propload: interrupted: SIGINT\n")


@pytest.mark.parametrize("place", ["flag", "variable", "file", "job"])
def test_a_password_is_in_no_message(place, run, load, monkeypatch, tmp_path):
    dsn = "postgresql://u:sesame@h/d"
    cause = OSError(f"could not connect to {dsn}")
    load.answer = RuntimeError(f"driver said: {dsn}")
    load.answer.__cause__ = cause
    words = ["ingest", "a.csv", "--debug"]
    if place == "flag":
        words += ["--to", dsn]
        monkeypatch.setattr(sys, "argv", ["propload", *words])
    elif place == "variable":
        monkeypatch.setenv("PROPLOAD_TO", dsn)
    else:
        head = "[jobs.j]\n" if place == "job" else ""
        text = f'{head}to = "{dsn}"'
        (tmp_path / "propload.toml").write_text(text, encoding="utf-8")
    result = run(*words)
    assert "could not connect" in result.stderr
    assert "sesame" not in result.output
