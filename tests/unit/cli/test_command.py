"""Words that are no command, or stand where no command looks for them."""

from __future__ import annotations

import json

import pytest


def test_a_word_that_is_no_choice_is_a_usage_error(run, load):
    result = run("ingest", "a.csv", "--mode", "merge")
    assert result.exit_code == 2
    said = " ".join(result.stderr.replace("│", " ").split())
    told = "'merge' is not one of upsert, append, insert-new, replace"
    assert f"Invalid value for '--mode': {told}" in said


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


def test_a_configuration_file_without_a_name_is_a_usage_error(run):
    result = run("runs", "list", "--config", "")
    assert result.exit_code == 2
    assert "config: is empty: give a file" in result.stderr


def test_an_unknown_command_is_a_usage_error(run):
    assert run("injest").exit_code == 2


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_connection_string_that_is_no_command_shows_no_password(words, run):
    result = run("postgresql://u:Sesam9@h/d", *words)
    assert result.exit_code == 2
    assert "postgresql://u:***@h/d" in result.output
    assert "Sesam9" not in result.output


def test_psql_prints_no_json(run):
    result = run("db", "psql", "--json")
    assert result.exit_code == 2
    assert "leave --json out" in json.loads(result.stdout)["message"]
