"""The commands, called in this process; loads are replaced by what they were told."""

from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from propload.config import SETTINGS
from propload.errors import (
    ConfigError,
    LoadError,
    LockedError,
    RejectLimitError,
    SourceError,
    WriteError,
)
from propload.report import Counts, Report, TargetName

#: A text for each setting that only it could have made.
WRITTEN = {
    "to": "postgresql://u@h/d",
    "table": "homes",
    "key": "a,b",
    "newest": "seen",
    "mode": "append",
    "on_null": "keep",
    "on_new_columns": "add",
    "schema": "listing",
    "mapping": "funda",
    "as_of": "2026-07-01",
    "format": "csv",
    "delimiter": ";",
    "skip_lines": "2",
    "header": True,
    "encoding": "cp1252",
    "null_words": "-,n/a",
    "sheet": "two",
    "rows_at": "data.items",
    "batch_rows": "1000",
    "batch_seconds": "0.5",
    "workers": "4",
    "max_rejects": "5%",
    "max_memory": "1GB",
    "retry_attempts": "3",
    "retry_seconds": "9",
    "journal_sync": "off",
    "journal_bytes": "2GB",
    "lock": True,
    "lock_wait": "7",
    "resume": "true",
    "state_dir": "there",
    "progress": False,
}


def a_report(**changes):
    values = {
        "run_id": "r1",
        "status": "loaded",
        "source": "a.csv",
        "target": TargetName("local", "public.homes"),
        "counts": Counts(read=2, inserted=2),
        "seconds": 1.0,
    }
    return Report(**{**values, **changes})


@dataclass(frozen=True)
class Checked:
    """A report of `check`, as far as the command looks at it."""

    problems: tuple[str, ...] = ()
    interrupted: bool = False

    def to_json(self):
        return "{}"


class Called:
    """Takes the place of the loader and remembers what it was told."""

    def __init__(self):
        self.calls = []
        self.answer = a_report()

    def __call__(self, source, /, **settings):
        self.calls.append((source, settings))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def load(monkeypatch):
    called = Called()
    for name in ("ingesting", "checking.check"):
        module = ModuleType(f"propload.{name}")
        module.ingest = module.check = called
        monkeypatch.setitem(sys.modules, f"propload.{name}", module)
    return called


@pytest.mark.parametrize("problems", [(), ("no key",)])
def test_check_exits_with_130_where_it_was_interrupted(run, load, problems):
    load.answer = Checked(problems, interrupted=True)
    assert run("check", "a.csv").exit_code == 130


@pytest.mark.parametrize(("problems", "code"), [((), 0), (("no key",), 1)])
def test_check_exits_with_1_where_a_load_would_stop(run, load, problems, code):
    load.answer = Checked(problems)
    assert run("check", "a.csv").exit_code == code


@pytest.fixture
def run(run, monkeypatch):
    """Call the command line at a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")
    return run


def test_every_setting_has_a_text_in_this_test():
    assert set(WRITTEN) == set(SETTINGS)


def words_for(name, written):
    flag = SETTINGS[name].flag
    if written is True:
        return [flag]
    if written is False:
        return ["--no-" + flag.removeprefix("--")]
    return [flag, written]


@pytest.mark.parametrize("command", ["ingest", "check"])
def test_the_flag_of_each_setting_reaches_the_load_under_its_name(command, run, load):
    # every text is another one, so that a flag under a wrong name would show
    texts = [text for text in WRITTEN.values() if isinstance(text, str)]
    assert len(set(texts)) == len(texts)
    words = [word for name in SETTINGS for word in words_for(name, WRITTEN[name])]
    if command == "check":
        load.answer = Checked()
    result = run(command, "a.csv", *words)
    assert result.exit_code == 0, result.output
    assert load.calls == [("a.csv", {"job": None, **WRITTEN})]


@pytest.mark.parametrize("name", ["header", "lock", "progress"])
def test_a_switch_alone_is_one_setting(name, run, load):
    assert run("ingest", "a.csv", *words_for(name, WRITTEN[name])).exit_code == 0
    assert load.calls == [("a.csv", {"job": None, name: WRITTEN[name]})]


def test_a_flag_that_is_not_given_is_not_a_setting(run, load):
    assert run("ingest", "a.csv").exit_code == 0
    assert load.calls == [("a.csv", {"job": None})]


def test_several_sources_are_one_load(run, load):
    assert run("ingest", "a.csv", "-", "b/*.csv").exit_code == 0
    assert load.calls[0][0] == ["a.csv", "-", "b/*.csv"]


def test_a_job_gives_its_source_unless_the_command_does(run, load, tmp_path):
    config = '[jobs.night]\nsource = ["a.csv", "-"]\ntable = "homes"'
    (tmp_path / "propload.toml").write_text(config, encoding="utf-8")
    assert run("ingest", "--job", "night").exit_code == 0
    assert run("ingest", "b.csv", "--job", "night").exit_code == 0
    assert load.calls == [
        ([str(tmp_path / "a.csv"), "-"], {"job": "night"}),
        ("b.csv", {"job": "night"}),
    ]


def test_config_names_the_file(run, load, tmp_path):
    (tmp_path / "other.toml").write_text('[jobs.j]\nsource = "a.csv"', encoding="utf-8")
    result = run("ingest", "--job", "j", "--config", "other.toml")
    assert result.exit_code == 0, result.output
    assert load.calls == [(str(tmp_path / "a.csv"), {"job": "j"})]


@pytest.mark.parametrize("command", ["ingest", "check"])
def test_a_spider_is_told_its_arguments(command, run, load):
    if command == "check":
        load.answer = Checked()
    words = ("-a", "place=delft", "--set", "LOG_LEVEL=INFO")
    assert run(command, "spider:funda", *words).exit_code == 0
    assert load.calls == [
        (
            "spider:funda",
            {
                "job": None,
                "arguments": {"place": "delft"},
                "crawl_settings": {"LOG_LEVEL": "INFO"},
            },
        )
    ]
    assert run(command, "a.csv", "-a", "place=delft").exit_code == 2


def test_no_source_at_all_is_a_usage_error(run, load):
    result = run("ingest")
    assert result.exit_code == 2
    assert "no source" in result.stderr
    assert load.calls == []


def test_quiet_turns_progress_off(run, load):
    assert run("ingest", "a.csv", "--quiet").exit_code == 0
    assert load.calls == [("a.csv", {"job": None, "progress": False})]


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


def test_a_fault_of_propload_is_one_line_without_debug(run, load):
    load.answer = ZeroDivisionError("division by zero")
    result = run("ingest", "a.csv")
    assert result.exit_code == 1
    assert " propload: unexpected ZeroDivisionError: division" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" in run("ingest", "a.csv", "--debug").stderr


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
    load.answer.__cause__ = LoadError("told to end at once", report=report)
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


def test_a_word_that_is_no_choice_is_a_usage_error(run, load):
    result = run("ingest", "a.csv", "--mode", "merge")
    assert result.exit_code == 2
    said = " ".join(result.stderr.replace("│", " ").split())
    told = "'merge' is not one of upsert, append, insert-new, replace"
    assert f"Invalid value for '--mode': {told}" in said


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ((), logging.WARNING),
        (("--quiet",), logging.ERROR),
        (("--verbose",), logging.INFO),
        (("--debug",), logging.DEBUG),
    ],
)
def test_logs_go_to_stderr_at_the_level_asked_for(words, level, run, monkeypatch):
    log = logging.getLogger("propload.somewhere")

    def load(_source, /, **_settings):
        for one in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            log.log(one, "level %d", one)
        return a_report()

    module = ModuleType("propload.ingesting")
    module.ingest = load
    monkeypatch.setitem(sys.modules, "propload.ingesting", module)
    result = run("ingest", "a.csv", *words)
    told = [int(found) for found in re.findall(r"level (\d+)", result.stderr)]
    assert told == [one for one in (10, 20, 30, 40) if one >= level]
    assert "level" not in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["a.csv", "--table", "homes", "--resume"],
        ["--resume", "--table", "homes", "a.csv"],
        ["--resume", "--", "a.csv"],
        ["--resume", "true", "a.csv"],
    ],
)
def test_a_resume_alone_is_that_of_the_last_run(words, run, load):
    assert run("ingest", *words).exit_code == 0
    [(source, settings)] = load.calls
    assert (source, settings["resume"]) == ("a.csv", "true")


def test_a_resume_takes_the_word_behind_it_for_a_run(run, load):
    assert run("ingest", "a.csv", "--resume", "r1").exit_code == 0
    assert load.calls[0][1]["resume"] == "r1"
    # behind --, all are sources
    assert run("ingest", "--", "a.csv", "--resume").exit_code == 0
    assert load.calls[1][0] == ["a.csv", "--resume"]


def test_a_resume_that_took_the_source_says_so(run, load):
    result = run("ingest", "--resume", "a.csv")
    assert result.exit_code == 2
    told = "--resume took 'a.csv' for a run: write --resume true"
    assert result.stderr.endswith(f"{told}\n")
    assert "--resume" not in run("ingest", "--resume", "true").stderr
    assert load.calls == []


def test_version_is_that_of_the_package(run):
    from importlib.metadata import version

    assert run("--version").stdout == f"propload {version('propload')}\n"


@pytest.mark.parametrize("flag", ["--json", "-v", "--state-dir"])
def test_a_flag_before_the_command_is_told_where_it_goes(flag, run):
    result = run(flag, "runs", "list")
    assert result.exit_code == 2
    assert f"put {flag} after the command" in " ".join(result.stderr.split())
    if flag == "--json":
        assert json.loads(result.stdout)["exit_code"] == 2


def test_an_unknown_command_is_a_usage_error(run):
    assert run("injest").exit_code == 2


def test_psql_prints_no_json(run):
    result = run("db", "psql", "--json")
    assert result.exit_code == 2
    assert "leave --json out" in json.loads(result.stdout)["message"]
