"""How a command ends: its exit code, its report, and its message of an error."""

from __future__ import annotations

import json
import sys

import pytest
from polars.exceptions import PanicException

from propload.errors import (
    ConfigError,
    LoadError,
    LockedError,
    RejectLimitError,
    SourceError,
    WriteError,
)
from propload.report import Counts
from tests.unit.cli.loads import CheckDouble, make_report


@pytest.mark.parametrize("problems", [(), ("no key",)])
def test_check_exits_with_130_if_it_was_interrupted(run, load, problems):
    load.answer = CheckDouble(problems, interrupted=True)
    assert run("check", "a.csv").exit_code == 130


@pytest.mark.parametrize(("problems", "code"), [((), 0), (("no key",), 1)])
def test_check_exits_with_1_if_a_load_would_stop(run, load, problems, code):
    load.answer = CheckDouble(problems)
    assert run("check", "a.csv").exit_code == code


def test_report_is_printed_as_text_or_json(run, load):
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
def test_exit_code_follows_from_the_status_of_the_report(status, code, run, load):
    load.answer = make_report(status=status)
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
def test_run_that_rejected_every_row_exits_with_3(counts, code, run, load):
    load.answer = make_report(counts=counts)
    assert run("ingest", "a.csv").exit_code == code


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("wrong word"),
        SourceError("cannot be read", source="a.csv", row=3),
        WriteError("refused", table="homes"),
        RejectLimitError("too many", report=make_report(status="stopped")),
        LockedError("locked"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("debug", [False, True])
def test_error_gives_its_message_and_exit_code(error, debug, run, load):
    load.answer = error
    result = run("ingest", "a.csv", *(["--debug"] if debug else []))
    assert result.exit_code == error.exit_code
    assert result.stderr.endswith(f"propload: {error}\n")
    assert ("Traceback" in result.stderr) is debug
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_error_with_a_report_prints_message_and_report(run, load):
    report = make_report(status="stopped")
    load.answer = RejectLimitError("too many", report=report)
    result = run("ingest", "a.csv", "--json")
    assert json.loads(result.stdout) == report.as_dict()
    assert result.stderr.endswith(" propload: too many\n")


def test_error_without_a_report_is_printed_as_json(run, load):
    load.answer = SourceError("homes.csv does not exist")
    result = run("ingest", "a.csv", "--json")
    assert json.loads(result.stdout) == {
        "status": "failed",
        "message": "homes.csv does not exist",
        "exit_code": 4,
    }
    assert result.stderr.endswith(" propload: homes.csv does not exist\n")


def test_file_of_another_user_is_not_an_unexpected_error(
    run, load, tmp_path, monkeypatch
):
    load.answer = PermissionError(13, "Permission denied", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    stderr = run("ingest", "a.csv").stderr
    assert f"propload: {tmp_path} belongs to " in stderr
    assert "unexpected" not in stderr


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("no number"), PanicException("no number")]
)
def test_unexpected_error_shows_a_traceback_only_with_debug(error, run, load):
    """A panic of Polars is no `Exception`: its traceback was shown."""
    load.answer = error
    result = run("ingest", "a.csv")
    assert result.exit_code == 1
    assert f" propload: unexpected {type(error).__name__}: no number" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" in run("ingest", "a.csv", "--debug").stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "cannot get more memory: raise its limit (ulimit -v"),
        (
            RuntimeError("can't start new thread"),
            "cannot start more threads: raise the limit",
        ),
    ],
)
def test_limit_of_the_process_is_not_an_unexpected_error(error, message, run, load):
    load.answer = error
    result = run("ingest", "a.csv")
    assert result.exit_code == 1
    assert message in result.stderr
    assert "unexpected" not in result.stderr


def test_unexpected_error_is_printed_as_json(run, load):
    load.answer = ZeroDivisionError("division by zero")
    printed = json.loads(run("ingest", "a.csv", "--json").stdout)
    assert (printed["status"], printed["exit_code"]) == ("failed", 1)
    assert "unexpected ZeroDivisionError: division by zero" in printed["message"]


def test_ctrl_c_exits_with_130_and_no_traceback(run, load):
    load.answer = KeyboardInterrupt()
    result = run("ingest", "a.csv")
    assert result.exit_code == 130
    assert result.stderr.endswith(" propload: interrupted\n")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_ctrl_c_without_a_report_is_printed_as_json(run, load):
    load.answer = KeyboardInterrupt("the run was stopped before it began")
    result = run("ingest", "a.csv", "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout) == {
        "status": "interrupted",
        "message": "interrupted: the run was stopped before it began",
        "exit_code": 130,
    }


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_second_ctrl_c_prints_the_report_of_the_run(run, load, arguments):
    report = make_report(status="failed")
    load.answer = KeyboardInterrupt("SIGINT")
    load.answer.__cause__ = LoadError("told to stop immediately", report=report)
    result = run("ingest", "a.csv", *arguments)
    assert result.exit_code == 130
    assert report.run_id in result.stdout
    if arguments:
        assert json.loads(result.stdout) == report.as_dict()
    assert result.stderr.endswith(" propload: interrupted: SIGINT\n")


@pytest.mark.parametrize("place", ["flag", "variable", "file", "job"])
def test_password_is_never_printed_wherever_it_was_set(
    place, run, load, monkeypatch, tmp_path
):
    dsn = "postgresql://u:sesame@h/d"
    cause = OSError(f"could not connect to {dsn}")
    load.answer = RuntimeError(f"driver said: {dsn}")
    load.answer.__cause__ = cause
    arguments = ["ingest", "a.csv", "--debug"]
    if place == "flag":
        arguments += ["--to", dsn]
        monkeypatch.setattr(sys, "argv", ["propload", *arguments])
    elif place == "variable":
        monkeypatch.setenv("PROPLOAD_TO", dsn)
    else:
        head = "[jobs.j]\n" if place == "job" else ""
        text = f'{head}to = "{dsn}"'
        (tmp_path / "propload.toml").write_text(text, encoding="utf-8")
    result = run(*arguments)
    assert "could not connect" in result.stderr
    assert "sesame" not in result.output
