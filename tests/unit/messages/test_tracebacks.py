"""What a notebook shows of an error: lines of its own, and the message."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.ultratb import AutoFormattedTB

import propload
from propload.errors import load_error_for
from propload.messages.tracebacks import own_lines
from propload.messages.wording import counted


@pytest.fixture
def shell(monkeypatch):
    one = SimpleNamespace(InteractiveTB=AutoFormattedTB(mode="Context"))
    shown = SimpleNamespace(get_ipython=lambda: one)
    monkeypatch.setitem(sys.modules, "IPython", shown)
    return one


def raised(action):
    with pytest.raises(propload.PropLoadError) as caught:
        action()
    return caught.value


def shown(error):
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error._render_traceback_()))


def load_what_is_missing():
    propload.ingest("missing.csv", table="homes", key="id")


def fail_as_users_do():
    msg = "my own fault"
    raise ValueError(msg)


def load_what_fails():
    try:
        fail_as_users_do()
    except ValueError as error:
        ended = propload.SourceError("rows end")
        raise load_error_for(ended, "rows end: load them again") from error


@pytest.mark.usefixtures("shell")
def test_the_line_that_called_and_the_message_are_shown_alone():
    text = shown(raised(load_what_is_missing))
    assert "load_what_is_missing()" in text
    assert text.endswith("SourceError: missing.csv does not exist: check the path")
    assert "propload/ingesting.py" not in text
    assert len(text.splitlines()) < 30


@pytest.mark.usefixtures("shell")
def test_a_cause_is_shown_where_a_line_of_the_user_raised_it():
    text = shown(raised(load_what_fails))
    assert 'msg = "my own fault"' in text
    assert text.index("ValueError: my own fault") < text.index("direct cause")
    assert text.endswith("SourceLoadError: rows end: load them again")


@pytest.mark.usefixtures("shell")
def test_a_cause_within_propload_is_in_the_message_already():
    def fail():
        try:
            Path(__file__).joinpath("none").stat()
        except OSError as error:
            cause = error.with_traceback(None)
        raise propload.SourceError("none of these can be read") from cause

    text = shown(raised(fail))
    assert "NotADirectoryError" not in text
    assert text.endswith("SourceError: none of these can be read")


@pytest.mark.usefixtures("shell")
def test_notes_are_shown():
    error = raised(load_what_is_missing)
    error.add_note("the load failed as well")
    assert "the load failed as well" in shown(error)


@pytest.mark.usefixtures("shell")
def test_a_fault_that_nobody_knows_shows_all_calls():
    def fail():
        try:
            counted("no number", "row")
        except ValueError as error:
            raise load_error_for(error, "it failed") from error

    text = shown(raised(fail))
    assert "propload/messages/wording.py" in text
    assert text.endswith("LoadError: it failed")


def test_verbose_shows_all_calls(shell):
    shell.InteractiveTB = AutoFormattedTB(mode="Verbose")
    assert "propload/ingesting.py" in shown(raised(load_what_is_missing))


def test_no_value_of_a_variable_is_shown(shell, monkeypatch):
    shell.InteractiveTB = AutoFormattedTB(mode="Verbose")
    # lines of the program are shown as well
    secret = "-".join("secret")
    monkeypatch.setenv("PROPLOAD_TO", f"postgresql://u:{secret}@[::1/homes")
    text = shown(raised(lambda: propload.ingest([{"id": 1}], table="t", key="id")))
    assert "propload/postgres/session" in text
    assert secret not in text
    # for errors that are not propload's the user's choice stays
    assert shell.InteractiveTB.include_vars


@pytest.mark.usefixtures("shell")
def test_an_error_without_a_line_of_the_user_is_shown_whole():
    error = raised(load_what_is_missing)
    of_propload = str(Path(propload.__file__).parent)
    while not error.__traceback__.tb_frame.f_code.co_filename.startswith(of_propload):
        error.__traceback__ = error.__traceback__.tb_next
    assert "propload/ingesting.py" in shown(error)


def test_without_a_shell_it_is_python_s_own(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    text = "".join(own_lines(raised(load_what_is_missing)))
    assert text.startswith("Traceback (most recent call last)")
