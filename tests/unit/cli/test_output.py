"""How commands print: tables, lists, and what a terminal gets besides."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from pathlib import Path

import pytest
import typer

from propload.cli.output import Screen
from propload.cli.streams import tolerate_closed_stdout
from propload.cli.table import print_table
from propload.errors import LoadError, OutputError
from propload.messages.suggested_commands import Commands
from propload.report import Counts, Report, TargetName

KEPT = "--state-dir /kept"
COLUMNS = ("row", "value")
LINES = [("a:1", "[red]x[/red]\ty\nz"), ("a:2", "w" * 300)]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_table_is_lines_with_tabs_where_it_is_no_terminal(capsys):
    print_table(Screen(), COLUMNS, LINES)
    out = capsys.readouterr().out.splitlines()
    assert out == ["row\tvalue", "a:1\t[red]x[/red] y z", "a:2\t" + "w" * 300]


def test_a_message_commands_no_terminal(capsys):
    Screen().explain(LoadError("column a: '\x1b]0;owned\x07' is no number"))
    assert r"'\x1b]0;owned\x07' is no number" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [False, True])
def test_neither_a_traceback_nor_json_commands_a_terminal(as_json, capsys):
    screen = Screen(debug=True, as_json=as_json)
    with pytest.raises(typer.Exit), screen.running():
        raise LoadError("no file 'a\x1b]52;c;ZQ==\x07\x9b\u202e'")
    out, err = capsys.readouterr()
    assert "Traceback" in err
    assert not set("\x1b\x07\x9b\u202e").intersection(out + err)
    assert not as_json or json.loads(out)["message"].endswith("\x9b\u202e'")


def test_a_line_break_in_a_message_begins_no_message(capsys):
    forged = "2026-07-01 03:00:00+0000 propload: all is well"
    screen = Screen(verbose=True)
    with screen.running():
        logging.getLogger("propload").warning("file %s", f"a\n{forged}")
    screen.explain(LoadError(f"no file a\n{forged}"))
    screen.tell(f"deleted a\n{forged}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert [line for line in lines if line.startswith(forged)] == []


def test_a_table_fits_the_terminal_and_shows_values_as_they_are(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    print_table(Screen(), COLUMNS, LINES)
    text = stream.getvalue()
    assert "[red]x[/red]" in text
    print_table(Screen(), COLUMNS, [("a:1", "\x1b]0;owned\x07")])
    assert r"\x1b]0;owned\x07" in stream.getvalue()
    assert "\x1b]0" not in stream.getvalue()
    # folded, so that nothing of a value is lost
    assert text.count("w") == 300 + "row".count("w")


@pytest.mark.parametrize(
    ("width", "source"), [(40, ""), (60, "…tations.csv"), (80, "/in/2026/stations.csv")]
)
def test_names_of_runs_stay_whole_where_others_give_way(width, source, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    columns = ("run", "status", "table", "source")
    name = "20260701T120000-aa1bb2"
    line = (name, "loaded", "public.a_table", "/in/2026/stations.csv")
    print_table(Screen(), columns, [line], shrinkable="source")
    text = re.sub(r"\x1b\[\d+m", "", stream.getvalue())
    heading, first, *rest = text.splitlines()
    assert name in first
    assert max(map(len, (heading, first, *rest))) <= width
    assert ("source" in heading) == bool(source)
    assert source in first
    assert bool(rest) == (width == 40)


def test_one_long_text_leaves_room_for_what_gives_way(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    print_table(
        Screen(), ("table", "source"), [("t" * 90, "a.csv")], shrinkable="source"
    )
    assert "a.csv" in stream.getvalue()
    assert stream.getvalue().count("t") == 90 + "table".count("t")


def test_remarks_are_left_out_when_quiet(capsys):
    Screen(quiet=True).tell("something")
    Screen().tell("something else")
    assert capsys.readouterr().err == "something else\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("n\n", "nothing was deleted"),
        ("\n", "nothing was"),
        ("", "--yes skips the question"),
    ],
)
def test_a_question_is_asked_on_stderr_and_no_is_a_failure(
    answer, said, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    screen = Screen(as_json=True)
    with pytest.raises(typer.Exit) as ended, screen.running():
        screen.confirm("Delete it?")
    out, err = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert said in json.loads(out)["message"]
    assert err.startswith("Delete it? [y/N]: ")


def test_a_question_that_is_answered_by_yes_is_passed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("Yes\n"))
    Screen(as_json=True).confirm("Delete it?")
    assert capsys.readouterr() == ("", "Delete it? [y/N]: ")


#: Date, time and the zone's distance: what tells one night's line from another's.
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}"


def test_what_is_logged_bears_the_date(capsys):
    with Screen().running():
        logging.getLogger("propload.any").warning("the disk is slow")
    said = capsys.readouterr().err
    assert re.fullmatch(rf"{MOMENT} WARNING the disk is slow\n", said)


def test_an_error_bears_the_date_where_nobody_watches(monkeypatch, capsys):
    Screen().explain(LoadError("no room"))
    assert re.fullmatch(rf"{MOMENT} propload: no room\n", capsys.readouterr().err)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Screen().explain(LoadError("no room"))
    assert not re.search(MOMENT, terminal.getvalue())


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("stdout", [io.StringIO, Terminal])
@pytest.mark.parametrize("stderr", [io.StringIO, Terminal])
def test_a_failed_run_is_explained_once_to_each_reader(
    stdout, stderr, debug, monkeypatch
):
    streams = {"stdout": stdout(), "stderr": stderr()}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    target, counts = TargetName("local", "public.homes"), Counts()
    report = Report("r1", "failed", "a.csv", target, counts, 1.0, message="no room")
    with pytest.raises(typer.Exit), Screen(debug=debug).running():
        raise LoadError("no room", report=report)
    assert streams["stdout"].getvalue().count("no room") == 1
    # as recover does, which has shown the report with those of other runs
    Screen(debug=debug).explain(LoadError("no room", report=report))
    once = stdout is stderr is Terminal and not debug
    assert ("propload:" in streams["stderr"].getvalue()) is not once


def test_spiders_are_listed_with_their_arguments(run):
    text = run("spiders").stdout
    assert "spider:funda  " in text
    assert "-a place=" in text
    listed = json.loads(run("spiders", "--json").stdout)
    names = [(one["source"], one["name"]) for one in listed]
    assert ("spider:funda", "funda") in names
    assert not any(one["is_broken"] for one in listed)


def test_the_database_can_be_looked_at_before_there_is_one(run, state_dir):
    known = json.loads(run("db", "status", "--json").stdout)
    assert (known["running"], known["pid"], known["size_bytes"]) == (False, None, 0)
    assert run("db", "url").stdout.strip() == known["url"]
    assert "not running" in run("db", "stop").stderr
    assert json.loads(run("db", "stop", "--json").stdout) == {"was_running": False}
    # looking makes nothing
    assert not (state_dir / "embedded").exists()


def test_a_database_that_is_not_there_is_not_told_as_deleted(run, state_dir):
    result = run("db", "destroy")
    assert result.exit_code == 0
    assert "there is no embedded database" in result.stderr
    assert json.loads(run("db", "destroy", "--json").stdout) == {"deleted": None}
    assert not state_dir.exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["ingest", "x.csv", "--mode", "foo", "--json"], "--mode"),
        (["runs", "list", "--json", "--limit", "-1"], "--limit"),
        (["check", "--nosuch", "--json"], "--nosuch"),
        (["nosuch", "--json"], "nosuch"),
    ],
)
def test_words_that_no_command_takes_are_told_as_json_too(run, words, named):
    result = run(*words)
    told = json.loads(result.stdout)
    assert (told["status"], told["exit_code"], result.exit_code) == ("failed", 2, 2)
    assert named in told["message"]
    assert named in result.stderr
    assert not run(*(word for word in words if word != "--json")).stdout


def test_other_failures_of_files_are_not_taken_for_that():
    with pytest.raises(FileNotFoundError), tolerate_closed_stdout():
        Path("/nowhere/at/all").read_text("utf-8")


@pytest.mark.parametrize(
    ("runs", "way"),
    [
        ([], "the disk is full"),
        (["r1"], ". See it with: propload runs show r1 --state-dir /kept"),
        (["r1", "r2"], ". See them with: propload runs list --state-dir /kept"),
    ],
)
def test_reports_that_stdout_does_not_take_are_told_by_their_runs(runs, way, capsys):
    target = TargetName("d", "t")
    made = [
        Report(run, "loaded", "s", target, Counts(), 1.0, commands=Commands(f" {KEPT}"))
        for run in runs
    ]
    with Screen().after_runs(made):
        msg = "the disk is full"
        raise OutputError(msg)
    assert capsys.readouterr().err.endswith(f"{way}\n")
