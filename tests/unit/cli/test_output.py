"""How commands print tables, errors and questions, on terminals and elsewhere."""

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

STATE_DIR_FLAG = "--state-dir /kept"
COLUMNS = ("row", "value")
LINES = [("a:1", "[red]x[/red]\ty\nz"), ("a:2", "w" * 300)]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_table_is_tab_separated_if_stdout_is_no_terminal(capsys):
    print_table(Screen(), COLUMNS, LINES)
    out = capsys.readouterr().out.splitlines()
    assert out == ["row\tvalue", "a:1\t[red]x[/red] y z", "a:2\t" + "w" * 300]


def test_programs_read_plain_numbers_and_people_commas(monkeypatch, capsys):
    lines = [("a", 1_000), ("b", 7)]
    print_table(Screen(), COLUMNS, lines)
    assert capsys.readouterr().out == "row\tvalue\na\t1000\nb\t7\n"
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    print_table(Screen(), COLUMNS, lines)
    assert "a    1,000\n" in stream.getvalue()
    assert "b        7\n" in stream.getvalue()


def test_control_characters_in_a_message_are_escaped(capsys):
    Screen().explain(LoadError("column a: '\x1b]0;owned\x07' is no number"))
    assert r"'\x1b]0;owned\x07' is no number" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [False, True])
def test_control_characters_in_tracebacks_and_json_are_escaped(as_json, capsys):
    screen = Screen(debug=True, as_json=as_json)
    with pytest.raises(typer.Exit), screen.running():
        raise LoadError("no file 'a\x1b]52;c;ZQ==\x07\x9b\u202e'")
    out, err = capsys.readouterr()
    assert "Traceback" in err
    assert not set("\x1b\x07\x9b\u202e").intersection(out + err)
    assert not as_json or json.loads(out)["message"].endswith("\x9b\u202e'")


def test_line_break_in_a_message_cannot_forge_another_message(capsys):
    forged = "2026-07-01 03:00:00+0000 propload: all is well"
    screen = Screen(verbose=True)
    with screen.running():
        logging.getLogger("propload").warning("file %s", f"a\n{forged}")
    screen.explain(LoadError(f"no file a\n{forged}"))
    screen.tell(f"deleted a\n{forged}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert [line for line in lines if line.startswith(forged)] == []


def test_table_on_a_terminal_shows_all_text_without_control_codes(monkeypatch):
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
def test_only_the_shrinkable_column_is_shortened_on_narrow_terminals(
    width, source, monkeypatch
):
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


def test_shrinkable_column_keeps_room_beside_a_very_long_value(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    print_table(
        Screen(), ("table", "source"), [("t" * 90, "a.csv")], shrinkable="source"
    )
    assert "a.csv" in stream.getvalue()
    assert stream.getvalue().count("t") == 90 + "table".count("t")


def test_remarks_are_omitted_when_quiet(capsys):
    Screen(quiet=True).tell("something")
    Screen().tell("something else")
    assert capsys.readouterr().err == "something else\n"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("n\n", "nothing was deleted"),
        ("\n", "nothing was"),
        ("", "--yes skips the question"),
    ],
)
def test_question_is_asked_on_stderr_and_fails_unless_confirmed(
    answer, message, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    screen = Screen(as_json=True)
    with pytest.raises(typer.Exit) as ended, screen.running():
        screen.confirm("Delete it?")
    out, err = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert message in json.loads(out)["message"]
    assert err.startswith("Delete it? [y/N]: ")


def test_answer_yes_confirms_a_question(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("Yes\n"))
    Screen(as_json=True).confirm("Delete it?")
    assert capsys.readouterr() == ("", "Delete it? [y/N]: ")


#: Date, time and UTC offset, which tell one night's lines from another's.
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}"


def test_log_lines_start_with_date_and_time(capsys):
    with Screen().running():
        logging.getLogger("propload.any").warning("the disk is slow")
    logged = capsys.readouterr().err
    assert re.fullmatch(rf"{MOMENT} WARNING the disk is slow\n", logged)


def test_errors_start_with_date_and_time_except_on_a_terminal(monkeypatch, capsys):
    Screen().explain(LoadError("no room"))
    assert re.fullmatch(rf"{MOMENT} propload: no room\n", capsys.readouterr().err)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Screen().explain(LoadError("no room"))
    assert not re.search(MOMENT, terminal.getvalue())


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("stdout", [io.StringIO, Terminal])
@pytest.mark.parametrize("stderr", [io.StringIO, Terminal])
def test_failed_run_is_explained_once_to_each_reader(
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
    # as recover does after it has shown the reports of all runs
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


def test_status_of_a_missing_database_is_shown_without_creating_it(run, state_dir):
    known = json.loads(run("db", "status", "--json").stdout)
    assert (known["running"], known["pid"], known["size_bytes"]) == (False, None, 0)
    assert run("db", "url").stdout.strip() == known["url"]
    assert "not running" in run("db", "stop").stderr
    assert json.loads(run("db", "stop", "--json").stdout) == {"was_running": False}
    # asking creates nothing
    assert not (state_dir / "embedded").exists()


def test_destroying_a_missing_database_does_not_report_a_deletion(run, state_dir):
    result = run("db", "destroy")
    assert result.exit_code == 0
    assert "there is no embedded database" in result.stderr
    assert json.loads(run("db", "destroy", "--json").stdout) == {"deleted": None}
    assert not state_dir.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ingest", "x.csv", "--mode", "foo", "--json"], "--mode"),
        (["runs", "list", "--json", "--limit", "-1"], "--limit"),
        (["check", "--nosuch", "--json"], "--nosuch"),
        (["nosuch", "--json"], "nosuch"),
    ],
)
def test_usage_errors_are_printed_as_json_with_the_json_flag(run, arguments, named):
    result = run(*arguments)
    printed = json.loads(result.stdout)
    assert (printed["status"], printed["exit_code"], result.exit_code) == (
        "failed",
        2,
        2,
    )
    assert named in printed["message"]
    assert named in result.stderr
    assert not run(*(argument for argument in arguments if argument != "--json")).stdout


def test_missing_file_is_not_mistaken_for_a_closed_stdout():
    with pytest.raises(FileNotFoundError), tolerate_closed_stdout():
        Path("/nowhere/at/all").read_text("utf-8")


@pytest.mark.parametrize(
    ("runs", "ending"),
    [
        ([], "the disk is full"),
        (["r1"], ". See it with: propload runs show r1 --state-dir /kept"),
        (["r1", "r2"], ". See them with: propload runs list --state-dir /kept"),
    ],
)
def test_error_names_the_runs_whose_reports_were_not_printed(runs, ending, capsys):
    target = TargetName("d", "t")
    reports = [
        Report(
            run,
            "loaded",
            "s",
            target,
            Counts(),
            1.0,
            commands=Commands(f" {STATE_DIR_FLAG}"),
        )
        for run in runs
    ]
    with Screen().after_runs(reports):
        msg = "the disk is full"
        raise OutputError(msg)
    assert capsys.readouterr().err.endswith(f"{ending}\n")
