"""The help of commands, and what a shell completes."""

from __future__ import annotations

import itertools
import re

import pytest
from typer.testing import CliRunner

from propload.cli import COMMANDS, load_command


@pytest.fixture
def help_of(run, monkeypatch):
    """Return a function for a command's help, which is cached because it is slow."""

    def help_of(*words, columns=200):
        if (words, columns) not in HELP:
            monkeypatch.setenv("COLUMNS", str(columns))
            HELP[words, columns] = run(*words, "--help").output
        return HELP[words, columns]

    return help_of


HELP = {}
#: The words of each command, and of each command of a group.
COMMAND_LINES = [
    (name, *sub)
    for name in COMMANDS
    for sub in [(one,) for one in getattr(load_command(name), "commands", ())] or [()]
]


def test_help_mentions_spiders_only_for_commands_that_crawl(help_of):
    commands = ("ingest", "check", "tune")
    crawling = {c for c in commands if "spider:NAME" in help_of(c)}
    assert crawling == {"ingest", "check"}


def test_help_is_shown_if_no_command_is_given(run):
    result = run()
    for name, line in COMMANDS.items():
        assert re.search(rf" {name} +{re.escape(line)} ", result.output)


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_of_a_command_is_the_first_line_of_its_help(name):
    assert load_command(name).help.partition("\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("columns", [60, 80])
def test_help_breaks_lines_only_at_the_width_of_the_terminal(columns, help_of):
    for words in (("ingest",), ("recover",), ("demo",), ("runs", "drop"), ()):
        lines = help_of(*words, columns=columns).splitlines()
        start = next(n for n, one in enumerate(lines) if "Usage:" in one) + 1
        end = next(n for n, one in enumerate(lines) if one.startswith("╭"))
        text = [one.strip() for one in lines[start:end]]
        for line, after in itertools.pairwise(text):
            word = after.partition(" ")[0]
            is_full = len(line) + 1 + len(word) > columns - 2
            assert is_full or not line or not after, line


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_examples_are_not_wrapped_in_80_columns(words, help_of):
    below = help_of(*words, columns=80).partition(" Example")[2]
    examples = [line.strip() for line in below.splitlines() if line.strip()]
    # the rest of a wrapped example would look like a command of its own
    assert examples
    for line in examples:
        assert re.match(r"(propload|psql|cat \S+ \| propload) ", line), line


@pytest.mark.parametrize("command", ["ingest", "check", "tune"])
def test_help_orders_panels_from_reading_to_output(command, help_of):
    help_text = help_of(command)
    found = re.findall(r"^╭─ (.*?) ─", help_text, re.MULTILINE)
    crawling = [] if command == "tune" else ["Crawling"]
    first = ["Arguments", "Reading", "Target", "Rows", "Speed and memory", "Safety"]
    assert found == [*first, "Running", *crawling, "Output"]
    flags = re.findall(r"^│ (--[a-z-]+)", help_text, re.MULTILINE)
    assert flags.index("--progress" if crawling else "--write") < flags.index("--job")
    assert flags.index("--job") + 1 == flags.index("--config")


@pytest.mark.parametrize(
    "words",
    [(), ("ingest",), ("tune",), ("recover",), ("runs",), ("db", "psql")],
    ids=" ".join,
)
def test_help_shows_no_types_of_typer(words, help_of):
    help_text = help_of(*words)
    assert not re.search(r"<\w+|\[\[", help_text)


def test_help_explains_resume_without_a_value(help_of):
    help_text = re.sub(r"[│\s]+", " ", help_of("ingest"))
    assert "true (or --resume alone) means the last unfinished one" in help_text


@pytest.mark.parametrize("words", [("recover",), ("rejects", "replay")])
def test_help_shows_no_default_of_settings_taken_from_the_run(words, help_of):
    shown = help_of(*words)
    assert "[default: upsert]" not in shown
    assert "[default: auto]" not in shown
    # a setting of whoever loads the rows now
    assert "[default: 600MB]" in shown


def test_help_lists_every_exit_code(help_of):
    help_text = help_of("ingest")
    assert all(f" {code} " in help_text for code in (0, 1, 2, 3, 4, 5, 75, 130))


def test_shell_completes_the_commands_of_a_group(app):
    environment = {
        "_PROPLOAD_COMPLETE": "complete_bash",
        "COMP_WORDS": "propload db st",
    }
    result = CliRunner().invoke(
        app, prog_name="propload", env={**environment, "COMP_CWORD": "2"}
    )
    assert result.output.split() == ["start", "stop", "status"]


def test_shell_completes_the_values_of_a_setting(app):
    command_line = "propload ingest a.csv --mode in"
    environment = {"_PROPLOAD_COMPLETE": "complete_bash", "COMP_WORDS": command_line}
    result = CliRunner().invoke(
        app, prog_name="propload", env={**environment, "COMP_CWORD": "4"}
    )
    assert result.output.split() == ["insert-new"]
