"""What the commands say of themselves: their help, and the words a shell completes."""

from __future__ import annotations

import itertools
import re

import pytest
from typer.testing import CliRunner

from propload.cli import COMMANDS, load_command


@pytest.fixture
def help_of(run, monkeypatch):
    """Return the help of a command, which is made once: it takes many milliseconds."""

    def help_of(*words, columns=200):
        if (words, columns) not in HELP:
            monkeypatch.setenv("COLUMNS", str(columns))
            HELP[words, columns] = run(*words, "--help").output
        return HELP[words, columns]

    return help_of


HELP = {}
#: The words of each command, those of a group one by one.
COMMAND_LINES = [
    (name, *sub)
    for name in COMMANDS
    for sub in [(one,) for one in getattr(load_command(name), "commands", ())] or [()]
]


def test_help_says_whether_a_command_crawls(help_of):
    commands = ("ingest", "check", "tune")
    crawling = {c for c in commands if "spider:NAME" in help_of(c)}
    assert crawling == {"ingest", "check"}


def test_no_command_shows_the_help(run):
    result = run()
    for name, line in COMMANDS.items():
        assert re.search(rf" {name} +{re.escape(line)} ", result.output)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_the_first_of_its_help(name):
    assert load_command(name).help.partition("\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("columns", [60, 80])
def test_help_is_broken_by_the_terminal_alone(columns, help_of):
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
def test_examples_can_be_pasted_from_a_usual_terminal(words, help_of):
    below = help_of(*words, columns=80).partition(" Example")[2]
    examples = [line.strip() for line in below.splitlines() if line.strip()]
    # the rest of one that was broken would be a command of its own
    assert examples
    for line in examples:
        assert re.match(r"(propload|psql|cat \S+ \| propload) ", line), line


@pytest.mark.parametrize("command", ["ingest", "check", "tune"])
def test_help_shows_what_is_read_first_and_how_it_runs_last(command, help_of):
    told = help_of(command)
    found = re.findall(r"^╭─ (.*?) ─", told, re.MULTILINE)
    crawling = [] if command == "tune" else ["Crawling"]
    first = ["Arguments", "Reading", "Target", "Rows", "Speed and memory", "Safety"]
    assert found == [*first, "Running", *crawling, "Output"]
    flags = re.findall(r"^│ (--[a-z-]+)", told, re.MULTILINE)
    assert flags.index("--progress" if crawling else "--write") < flags.index("--job")
    assert flags.index("--job") + 1 == flags.index("--config")


@pytest.mark.parametrize(
    "words",
    [(), ("ingest",), ("tune",), ("recover",), ("runs",), ("db", "psql")],
    ids=" ".join,
)
def test_help_shows_words_instead_of_types(words, help_of):
    told = help_of(*words)
    assert not re.search(r"<\w+|\[\[", told)


def test_help_says_what_a_resume_alone_means(help_of):
    told = re.sub(r"[│\s]+", " ", help_of("ingest"))
    assert "true (or --resume alone) means the last unfinished one" in told


@pytest.mark.parametrize("words", [("recover",), ("rejects", "replay")])
def test_help_shows_no_default_where_settings_are_those_of_the_run(words, help_of):
    shown = help_of(*words)
    assert "[default: upsert]" not in shown
    assert "[default: auto]" not in shown
    # of who loads the rows now
    assert "[default: 600MB]" in shown


def test_help_tells_each_exit_code(help_of):
    told = help_of("ingest")
    assert all(f" {code} " in told for code in (0, 1, 2, 3, 4, 5, 75, 130))


def test_the_words_below_a_command_are_completed(app):
    told = {"_PROPLOAD_COMPLETE": "complete_bash", "COMP_WORDS": "propload db st"}
    result = CliRunner().invoke(
        app, prog_name="propload", env={**told, "COMP_CWORD": "2"}
    )
    assert result.output.split() == ["start", "stop", "status"]


def test_the_words_of_a_setting_are_completed(app):
    words = "propload ingest a.csv --mode in"
    told = {"_PROPLOAD_COMPLETE": "complete_bash", "COMP_WORDS": words}
    result = CliRunner().invoke(
        app, prog_name="propload", env={**told, "COMP_CWORD": "4"}
    )
    assert result.output.split() == ["insert-new"]
