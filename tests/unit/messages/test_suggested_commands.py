"""Commands that messages tell a user to run."""

import pytest

from propload.messages.suggested_commands import Commands

HERE = Commands(" --state-dir /kept", "/kept", "/opt/propload")


@pytest.mark.parametrize(
    ("told", "command"),
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
def test_a_command_finds_the_state_folder(told, command):
    assert told == f"/opt/propload {command} --state-dir /kept"


def test_a_command_that_finds_it_by_itself_is_short():
    assert Commands().export_rejects("R") == "propload rejects export R --output FILE"


def test_a_text_to_be_saved_names_no_state_folder():
    text = f"/kept/x cannot be read: {HERE.recover()}"
    assert HERE.hidden_in(text) == "…/x cannot be read: /opt/propload recover"
    assert Commands().hidden_in(text) == text
