"""An error is caught as what it is called in the documentation."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from propload import errors
from propload.errors import LoadError, PropLoadError, WriteError, load_error_for

#: Those that the documentation lists, and that a run may end with.
KINDS = [
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


@pytest.mark.parametrize("kind", KINDS)
def test_what_ended_a_run_is_caught_as_itself_and_as_a_load_error(kind):
    error = load_error_for(kind("the cause"), "the run stopped", report=None)
    assert isinstance(error, kind)
    assert isinstance(error, LoadError)
    assert str(error) == "the run stopped"
    assert error.exit_code == type(error).exit_code == kind.exit_code
    others = [
        one for one in KINDS if isinstance(error, one) and one not in kind.__mro__
    ]
    assert others == []
    # what is wrapped twice (a Loader's) stays what it is
    assert type(load_error_for(error, "again")) is type(error)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_sent_between_processes(kind):
    cause = kind("the cause")
    cause.__dict__.update(vars(WriteError("", table="homes", sqlstate="42501")))
    sent = pickle.dumps(load_error_for(cause, "the run stopped"))
    error = pickle.loads(sent)  # noqa: S301 - our own
    assert type(error) is type(load_error_for(cause, ""))
    assert (error.table, error.sqlstate) == ("homes", "42501")
    assert str(error) == "the run stopped"


@pytest.mark.parametrize("goes_on", [True, False])
def test_what_ended_a_run_says_whether_that_goes_on(goes_on):
    error = load_error_for(WriteError("the cause", goes_on=goes_on), "the run stopped")
    assert error.goes_on is goes_on
    assert load_error_for(error, "again").goes_on is goes_on


@pytest.mark.parametrize("cause", [ValueError("x"), PropLoadError("x")])
def test_what_has_no_kind_of_its_own_is_a_load_error(cause):
    assert type(load_error_for(cause, "the run stopped")) is LoadError


@pytest.mark.parametrize("kind", [errors.ConfigError, errors.ConfigLoadError])
def test_a_connection_string_in_the_wrong_place_shows_no_password(kind):
    told = "table 'postgresql://u:Sesam9@x@h:5/d' is no name, nor is postgres://h/d"
    error = kind(told)
    assert str(error) == told.replace("Sesam9@x", "***")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own


def test_one_that_was_taken_for_a_path_shows_none_either():
    path = Path("postgresql://u:Sesam9@x@h/d")
    told = str(errors.ConfigError(f"{path} cannot be read"))
    assert told == "postgresql:/u:***@h/d cannot be read"
