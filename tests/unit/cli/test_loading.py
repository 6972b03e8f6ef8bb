"""The words of `ingest` and `check` reach the load as its settings."""

from __future__ import annotations

import pytest

from propload.config import SETTINGS
from tests.unit.cli.loads import CheckDouble

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
        load.answer = CheckDouble()
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
        load.answer = CheckDouble()
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
