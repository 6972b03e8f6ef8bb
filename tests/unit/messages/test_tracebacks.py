"""Which lines a notebook shows of an error: the user's own, and the message."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from IPython.core.ultratb import AutoFormattedTB

import propload
from propload.errors import load_error_for
from propload.messages.tracebacks import own_lines, short_interrupts
from propload.messages.wording import counted
from propload.target import TableName


@pytest.fixture
def shell(monkeypatch):
    double = SimpleNamespace(InteractiveTB=AutoFormattedTB(mode="Context"))
    module = SimpleNamespace(get_ipython=lambda: double)
    monkeypatch.setitem(sys.modules, "IPython", module)
    return double


def error_of(action):
    with pytest.raises(propload.PropLoadError) as caught:
        action()
    return caught.value


def rendered(error):
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error._render_traceback_()))


def load_what_is_missing():
    propload.ingest("missing.csv", table="homes", key="id")


def fail_in_user_code():
    msg = "my own fault"
    raise ValueError(msg)


def load_failing_rows():
    try:
        fail_in_user_code()
    except ValueError as error:
        ended = propload.SourceError("rows end")
        raise load_error_for(ended, "rows end: load them again") from error


@pytest.mark.usefixtures("shell")
def test_only_the_calling_line_and_the_message_are_shown():
    text = rendered(error_of(load_what_is_missing))
    assert "load_what_is_missing()" in text
    assert text.endswith("SourceError: missing.csv does not exist: check the path")
    assert "propload/ingesting.py" not in text
    assert len(text.splitlines()) < 30


@pytest.mark.usefixtures("shell")
def test_cause_is_shown_if_user_code_raised_it():
    text = rendered(error_of(load_failing_rows))
    assert 'msg = "my own fault"' in text
    assert text.index("ValueError: my own fault") < text.index("direct cause")
    assert text.endswith("SourceLoadError: rows end: load them again")


@pytest.mark.usefixtures("shell")
def test_cause_raised_within_propload_is_not_shown():
    def fail():
        try:
            Path(__file__).joinpath("none").stat()
        except OSError as error:
            cause = error.with_traceback(None)
        raise propload.SourceError("none of these can be read") from cause

    text = rendered(error_of(fail))
    assert "NotADirectoryError" not in text
    assert text.endswith("SourceError: none of these can be read")


@pytest.mark.usefixtures("shell")
def test_a_cause_within_a_library_written_in_cython_is_in_the_message_already():
    def fail():
        try:
            pa.table(None)
        except TypeError as error:
            raise propload.ConfigError("the fix returned no frame") from error

    text = rendered(error_of(fail))
    # lines of this test are shown as well
    assert "lib.{}".format("table") not in text
    assert "table.{}".format("pxi") not in text


@pytest.mark.usefixtures("shell")
def test_notes_are_shown():
    error = error_of(load_what_is_missing)
    error.add_note("the load failed as well")
    assert "the load failed as well" in rendered(error)


@pytest.mark.usefixtures("shell")
def test_unexpected_error_shows_all_calls():
    def fail():
        try:
            counted("no number", "row")
        except ValueError as error:
            raise load_error_for(error, "it failed") from error

    text = rendered(error_of(fail))
    assert "propload/messages/wording.py" in text
    assert text.endswith("LoadError: it failed")


def test_verbose_shows_all_calls(shell):
    shell.InteractiveTB = AutoFormattedTB(mode="Verbose")
    assert "propload/ingesting.py" in rendered(error_of(load_what_is_missing))


def test_verbose_traceback_shows_no_values_of_variables(shell, monkeypatch):
    shell.InteractiveTB = AutoFormattedTB(mode="Verbose")
    # built in pieces, because source lines are shown as well
    secret = "-".join("secret")
    monkeypatch.setenv("PROPLOAD_TO", f"postgresql://u:{secret}@[::1/homes")
    text = rendered(error_of(lambda: propload.ingest([{"id": 1}], table="t", key="id")))
    assert "propload/postgres/session" in text
    assert secret not in text
    # the user's choice still applies to errors that are not propload's
    assert shell.InteractiveTB.include_vars


def interrupt(cause):
    with short_interrupts():
        raise KeyboardInterrupt("SIGINT") from cause


@pytest.mark.usefixtures("shell")
def test_an_interrupt_shows_the_line_that_called_and_how_to_continue():
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupt(propload.LoadError("stopped. To continue: --resume"))
    text = rendered(caught.value)
    assert "interrupt(propload.LoadError" in text
    assert "propload/messages" not in text
    assert text.endswith("KeyboardInterrupt: SIGINT\nstopped. To continue: --resume")


@pytest.mark.usefixtures("shell")
def test_an_interrupt_of_the_first_import_shows_the_line_that_called(monkeypatch):
    def press_stop(_module):
        raise KeyboardInterrupt

    monkeypatch.delitem(vars(propload), "ingest", raising=False)
    monkeypatch.setattr(propload, "import_module", press_stop)
    with pytest.raises(KeyboardInterrupt) as caught:
        load_what_is_missing()
    text = rendered(caught.value)
    assert "propload.ingest(" in text
    assert "propload/__init__" not in text


@pytest.mark.usefixtures("shell")
def test_code_that_a_dataclass_generated_is_not_the_user_s():
    text = rendered(error_of(lambda: propload.Target(TableName("public", "homes"))))
    # lines of this test are shown as well
    assert "<{}>".format("string") not in text


@pytest.mark.usefixtures("shell")
def test_error_without_a_user_line_is_shown_in_full():
    error = error_of(load_what_is_missing)
    of_propload = str(Path(propload.__file__).parent)
    while not error.__traceback__.tb_frame.f_code.co_filename.startswith(of_propload):
        error.__traceback__ = error.__traceback__.tb_next
    assert "propload/ingesting.py" in rendered(error)


def test_without_ipython_the_traceback_is_python_s_own(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    text = "".join(own_lines(error_of(load_what_is_missing)))
    assert text.startswith("Traceback (most recent call last)")
