"""The next steps that the report of the demo suggests."""

import sys
from dataclasses import replace

import pytest

from propload.messages.suggested_commands import Commands
from propload_spiders.demo.comparing import ChangeCounts
from propload_spiders.demo.tour_report import TourReport

REPORT = TourReport("local", True, (), ChangeCounts(1, 2, 3, 4, 5), (), 6.0)


def next_lines(report):
    return str(report).partition("Look further:\n")[2].splitlines()


@pytest.mark.parametrize("is_found", [True, False])
def test_commands_name_the_program_so_that_a_shell_finds_it(
    is_found, tmp_path, monkeypatch
):
    program = tmp_path / "propload"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path) if is_found else "/nowhere")
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    name = "propload" if is_found else str(program)
    query, *others = next_lines(REPORT)
    assert query.startswith(f"  {name} db psql -- -c ")
    assert others[0].startswith(f"  {name} runs list  ")
    monkeypatch.setattr(sys, "argv", ["ipykernel"])
    assert next_lines(REPORT)[0].startswith("  propload db psql ")


def test_commands_name_the_state_folder_if_it_is_not_the_default():
    query, listed, *_ = next_lines(replace(REPORT, commands=Commands(" --state-dir x")))
    assert " db psql --state-dir x -- -c " in query
    assert " runs list --state-dir x  the" in listed
