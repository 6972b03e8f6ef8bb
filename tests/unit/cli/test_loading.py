"""Arguments of `ingest` and `check` reach the load as its settings."""

from __future__ import annotations

import pytest

from propload.config import SETTINGS
from tests.unit.cli.loads import CheckDouble

#: A value for each setting, the texts all different.
VALUES = {
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


def test_values_of_this_file_cover_every_setting():
    assert set(VALUES) == set(SETTINGS)


def arguments_for(name, value):
    flag = SETTINGS[name].flag
    if value is True:
        return [flag]
    if value is False:
        return ["--no-" + flag.removeprefix("--")]
    return [flag, value]


@pytest.mark.parametrize("command", ["ingest", "check"])
def test_flag_of_each_setting_reaches_the_load_under_its_name(command, run, load):
    # all texts differ, so that a flag under a wrong name would show
    texts = [text for text in VALUES.values() if isinstance(text, str)]
    assert len(set(texts)) == len(texts)
    arguments = [
        argument for name in SETTINGS for argument in arguments_for(name, VALUES[name])
    ]
    if command == "check":
        load.answer = CheckDouble()
    result = run(command, "a.csv", *arguments)
    assert result.exit_code == 0, result.output
    assert load.calls == [("a.csv", {"job": None, **VALUES})]


@pytest.mark.parametrize("name", ["header", "lock", "progress"])
def test_switch_sets_nothing_but_its_own_setting(name, run, load):
    assert run("ingest", "a.csv", *arguments_for(name, VALUES[name])).exit_code == 0
    assert load.calls == [("a.csv", {"job": None, name: VALUES[name]})]


def test_flags_that_are_not_given_set_nothing(run, load):
    assert run("ingest", "a.csv").exit_code == 0
    assert load.calls == [("a.csv", {"job": None})]


def test_several_sources_make_one_load(run, load):
    assert run("ingest", "a.csv", "-", "b/*.csv").exit_code == 0
    assert load.calls[0][0] == ["a.csv", "-", "b/*.csv"]


def test_source_of_a_job_is_used_unless_the_command_names_one(run, load, tmp_path):
    config = '[jobs.night]\nsource = ["a.csv", "-"]\ntable = "homes"'
    (tmp_path / "propload.toml").write_text(config, encoding="utf-8")
    assert run("ingest", "--job", "night").exit_code == 0
    assert run("ingest", "b.csv", "--job", "night").exit_code == 0
    assert load.calls == [
        ([str(tmp_path / "a.csv"), "-"], {"job": "night"}),
        ("b.csv", {"job": "night"}),
    ]


def test_config_flag_names_the_configuration_file(run, load, tmp_path):
    (tmp_path / "other.toml").write_text('[jobs.j]\nsource = "a.csv"', encoding="utf-8")
    result = run("ingest", "--job", "j", "--config", "other.toml")
    assert result.exit_code == 0, result.output
    assert load.calls == [(str(tmp_path / "a.csv"), {"job": "j"})]


@pytest.mark.parametrize("command", ["ingest", "check"])
def test_spider_arguments_reach_the_load_but_are_refused_for_files(command, run, load):
    if command == "check":
        load.answer = CheckDouble()
    arguments = ("-a", "place=delft", "--set", "LOG_LEVEL=INFO")
    assert run(command, "spider:funda", *arguments).exit_code == 0
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


def test_missing_source_is_a_usage_error(run, load):
    result = run("ingest")
    assert result.exit_code == 2
    assert "no source" in result.stderr
    assert load.calls == []


def test_quiet_turns_progress_off(run, load):
    assert run("ingest", "a.csv", "--quiet").exit_code == 0
    assert load.calls == [("a.csv", {"job": None, "progress": False})]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.csv", "--table", "homes", "--resume"],
        ["--resume", "--table", "homes", "a.csv"],
        ["--resume", "--", "a.csv"],
        ["--resume", "true", "a.csv"],
    ],
)
def test_resume_without_a_run_means_the_last_one(arguments, run, load):
    assert run("ingest", *arguments).exit_code == 0
    [(source, settings)] = load.calls
    assert (source, settings["resume"]) == ("a.csv", "true")


def test_resume_takes_the_next_argument_as_its_run(run, load):
    assert run("ingest", "a.csv", "--resume", "r1").exit_code == 0
    assert load.calls[0][1]["resume"] == "r1"
    # after --, all arguments are sources
    assert run("ingest", "--", "a.csv", "--resume").exit_code == 0
    assert load.calls[1][0] == ["a.csv", "--resume"]


def test_error_says_that_resume_took_the_source_for_a_run(run, load):
    result = run("ingest", "--resume", "a.csv")
    assert result.exit_code == 2
    message = "--resume took 'a.csv' for a run: write --resume true"
    assert result.stderr.endswith(f"{message}\n")
    assert "--resume" not in run("ingest", "--resume", "true").stderr
    assert load.calls == []
