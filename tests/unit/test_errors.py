"""Errors that end a run can be caught by the classes that the documentation names."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from propload import errors
from propload.errors import LoadError, PropLoadError, WriteError, load_error_for

#: The documented errors that can end a run.
ERROR_CLASSES = [
    errors.SourceError,
    errors.BlockedError,
    errors.SchemaMismatchError,
    errors.WriteError,
    errors.TransientWriteError,
    errors.CountsError,
    errors.JournalError,
    errors.ConfigError,
    errors.RejectLimitError,
    errors.LockedError,
]


@pytest.mark.parametrize("error_class", ERROR_CLASSES)
def test_error_that_ended_a_run_is_its_own_class_and_a_load_error(error_class):
    error = load_error_for(error_class("the cause"), "the run stopped", report=None)
    assert isinstance(error, error_class)
    assert isinstance(error, LoadError)
    assert str(error) == "the run stopped"
    assert error.exit_code == type(error).exit_code == error_class.exit_code
    others = [
        one
        for one in ERROR_CLASSES
        if isinstance(error, one) and one not in error_class.__mro__
    ]
    assert others == []
    # an error wrapped twice, as a Loader's is, keeps its class
    assert type(load_error_for(error, "again")) is type(error)


@pytest.mark.parametrize("error_class", ERROR_CLASSES)
def test_pickled_error_keeps_its_class_fields_and_message(error_class):
    cause = error_class("the cause")
    cause.__dict__.update(vars(WriteError("", table="homes", sqlstate="42501")))
    sent = pickle.dumps(load_error_for(cause, "the run stopped"))
    error = pickle.loads(sent)  # noqa: S301 - our own
    assert type(error) is type(load_error_for(cause, ""))
    assert (error.table, error.sqlstate) == ("homes", "42501")
    assert str(error) == "the run stopped"


@pytest.mark.parametrize("goes_on", [True, False])
def test_error_keeps_whether_the_run_can_be_resumed(goes_on):
    error = load_error_for(WriteError("the cause", goes_on=goes_on), "the run stopped")
    assert error.goes_on is goes_on
    assert load_error_for(error, "again").goes_on is goes_on


@pytest.mark.parametrize("cause", [ValueError("x"), PropLoadError("x")])
def test_error_of_any_other_class_becomes_a_plain_load_error(cause):
    assert type(load_error_for(cause, "the run stopped")) is LoadError


@pytest.mark.parametrize("error_class", [errors.ConfigError, errors.ConfigLoadError])
def test_password_of_a_misplaced_connection_string_is_masked(error_class):
    message = "table 'postgresql://u:Sesam9@x@h:5/d' is no name, nor is postgres://h/d"
    error = error_class(message)
    assert str(error) == message.replace("Sesam9@x", "***")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own


def test_password_of_a_url_taken_for_a_path_is_masked():
    path = Path("postgresql://u:Sesam9@x@h/d")
    message = str(errors.ConfigError(f"{path} cannot be read"))
    assert message == "postgresql:/u:***@h/d cannot be read"
