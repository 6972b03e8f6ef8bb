"""Arguments that are no command, or are not where a command expects them."""

from __future__ import annotations

import json

import pytest


def test_invalid_choice_is_a_usage_error_that_lists_the_choices(run, load):
    result = run("ingest", "a.csv", "--mode", "merge")
    assert result.exit_code == 2
    stderr = " ".join(result.stderr.replace("│", " ").split())
    problem = "'merge' is not one of upsert, append, insert-new, replace"
    assert f"Invalid value for '--mode': {problem}" in stderr


def test_version_is_that_of_the_package(run):
    from importlib.metadata import version

    assert run("--version").stdout == f"propload {version('propload')}\n"


@pytest.mark.parametrize("flag", ["--json", "-v", "--state-dir"])
def test_error_says_to_put_a_flag_after_the_command(flag, run):
    result = run(flag, "runs", "list")
    assert result.exit_code == 2
    assert f"put {flag} after the command" in " ".join(result.stderr.split())
    if flag == "--json":
        assert json.loads(result.stdout)["exit_code"] == 2


def test_empty_name_of_a_configuration_file_is_a_usage_error(run):
    result = run("runs", "list", "--config", "")
    assert result.exit_code == 2
    assert "config: is empty: give a file" in result.stderr


def test_unknown_command_is_a_usage_error(run):
    assert run("injest").exit_code == 2


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_password_in_an_unknown_command_is_masked(arguments, run):
    result = run("postgresql://u:Sesam9@h/d", *arguments)
    assert result.exit_code == 2
    assert "postgresql://u:***@h/d" in result.output
    assert "Sesam9" not in result.output


def test_an_option_of_psql_is_told_where_to_stand(run):
    result = run("db", "psql", "-c", "SELECT 1")
    assert result.exit_code == 2
    assert "No such option: -c; put options for psql after --" in result.stderr
    assert "psql" not in run("runs", "list", "-c").stderr


def test_psql_refuses_the_json_flag(run):
    result = run("db", "psql", "--json")
    assert result.exit_code == 2
    assert "leave --json out" in json.loads(result.stdout)["message"]
