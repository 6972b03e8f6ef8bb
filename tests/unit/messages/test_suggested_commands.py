"""Commands that messages suggest."""

import pytest

from propload.messages.suggested_commands import Commands

HERE = Commands(" --state-dir /kept", "/kept", "/opt/propload")


@pytest.mark.parametrize(
    ("suggested", "command"),
    [
        (HERE.recover(), "recover"),
        (HERE.recover("R"), "recover R"),
        (HERE.list_journals(), "recover --list"),
        (HERE.drop_journal("R"), "recover --drop R"),
        (HERE.list_runs(), "runs list"),
        (HERE.show_run("R"), "runs show R"),
        (HERE.list_rejects(), "rejects list"),
        (HERE.show_rejects("R"), "rejects show R"),
        (HERE.replay("R"), "rejects replay R"),
        (HERE.open_psql(), "db psql"),
        (HERE.stop_database(), "db stop"),
        (HERE.destroy_database(), "db destroy"),
    ],
)
def test_suggested_command_names_program_and_state_folder(suggested, command):
    assert suggested == f"/opt/propload {command} --state-dir /kept"


def test_command_without_a_state_folder_is_short():
    assert Commands().export_rejects("R") == "propload rejects export R --output FILE"


def test_hidden_in_removes_the_state_folder_from_a_text():
    text = f"/kept/x cannot be read: {HERE.recover()}"
    assert HERE.hidden_in(text) == "…/x cannot be read: /opt/propload recover"
    assert Commands().hidden_in(text) == text
