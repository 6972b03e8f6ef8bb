"""Advice on how to continue a run that ended early or was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from propload.errors import (
    LoadError,
    RejectLimitError,
    SourceError,
    TableGoneError,
    WriteError,
)
from propload.report import Counts
from propload.running.advice import how_to_continue, recovery_method, what_ended

#: What is left of a run's rows: a source that can be read again, or a journal.
LEFT = [None, "a journal", "its rows"]


@pytest.mark.parametrize(
    ("journal", "replayed", "fingerprint", "method"),
    [
        ("a journal", "", None, "recover"),
        (None, "20260704T120000-bb1", "a1", "replay"),
        (None, "", "a1", "resume"),
        (None, "", None, "again"),
    ],
)
def test_recovery_method_depends_on_the_source(
    parts_of, journal, replayed, fingerprint, method
):
    parts = parts_of(journal, fingerprint=fingerprint, replayed=replayed)
    assert recovery_method(parts) == method


def test_reject_limit_error_names_the_command_that_shows_the_rows(parts_of):
    parts = parts_of(None, state=Path("/kept"))
    command = "propload rejects show RUN --state-dir /kept"
    limit = RejectLimitError("2 of 3 rows were rejected")
    assert what_ended(parts, limit) == f"2 of 3 rows were rejected: see {command}. "
    assert what_ended(parts, LoadError("the disk is full.")) == "the disk is full. "
    assert what_ended(parts, None) == ""
    # a message never begins with a full stop
    assert what_ended(parts, KeyboardInterrupt()) == "KeyboardInterrupt. "


def test_run_with_too_many_rejects_can_continue_with_another_limit(parts_of):
    counts, limit = Counts(read=3, inserted=1), RejectLimitError("2 of 3 rows")
    advice = how_to_continue(parts_of(None, "append"), counts, limit)
    assert "if only the table or max_rejects has changed, the same command" in advice
    assert "if a file or another setting has, load again" in advice


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_advice_is_to_load_again_if_a_run_cannot_be_resumed(left, mode, parts_of):
    parts = parts_of(left, mode)
    counts = Counts(read=3, inserted=3)
    goes_on = how_to_continue(parts, counts, WriteError("no"))
    assert "--resume RUN" in goes_on or "propload recover" in goes_on
    advice = how_to_continue(parts, counts, WriteError("no", goes_on=False))
    if left is None:
        rest = ", and only what is not committed yet" if mode == "append" else ""
        assert advice.endswith(f". Load homes.csv again, without --resume{rest}")
    elif mode == "replace":
        assert advice == (
            "public.homes keeps its old rows. Load all rows again, and drop what is "
            "left of these (propload recover --drop RUN)"
        )


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("mode", ["replace", "append"])
@pytest.mark.parametrize("sqlstate", ["42P01", "42703", "42501", "23505"])
def test_advice_is_to_fix_first_what_would_fail_again(left, mode, sqlstate, parts_of):
    parts, counts = parts_of(left, mode), Counts(read=3, inserted=2)
    advice = how_to_continue(parts, counts, WriteError("no", sqlstate=sqlstate))
    assert "fix that" in advice
    again = how_to_continue(parts, counts, WriteError("no", sqlstate="57P01"))
    assert "fix that" not in again


@pytest.mark.parametrize("left", LEFT)
def test_advice_does_not_say_that_a_missing_table_keeps_its_rows(left, parts_of):
    parts, counts = parts_of(left, "replace"), Counts(read=3, inserted=3)
    kept = "public.homes keeps its old rows"
    assert kept in how_to_continue(parts, counts, WriteError("no", sqlstate="42703"))
    gone = WriteError("no", sqlstate="42P01")
    assert kept not in how_to_continue(parts, counts, gone)
    # here only the rows that the run had gathered are gone
    gathered = WriteError("no", sqlstate="42P01", goes_on=False)
    assert kept in how_to_continue(parts, counts, gathered)


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("stored", [0, 3])
def test_advice_says_that_committed_rows_went_with_the_table(left, stored, parts_of):
    parts, counts = parts_of(left, "upsert"), Counts(read=4, rejected=1, updated=stored)
    advice = how_to_continue(parts, counts, TableGoneError("no"))
    assert ("3 committed rows went with the table" in advice) == bool(stored)
    assert ("What was committed stays" in advice) == (left is None and not stored)
    if left is None and stored:
        assert advice.endswith(". To continue: load homes.csv again, without --resume")
    renamed = TableGoneError("no", sqlstate="42P01")
    advice = how_to_continue(parts, counts, renamed)
    assert ("went with the table unless it was renamed" in advice) == bool(stored)


@pytest.mark.parametrize("left", LEFT)
def test_advice_says_that_the_table_is_gone_after_another_error(left, parts_of):
    parts, counts = parts_of(left, "replace"), Counts(read=3, inserted=3)
    parts.is_table_gone = True
    advice = how_to_continue(parts, counts, SourceError("no"))
    assert advice.startswith("public.homes is gone, and its old rows with it. ")
    assert "in their place" not in advice
    assert "fix that" in advice
    assert "create the table again, then " in how_to_continue(parts, counts, None)
    # the table was not there from the beginning
    parts.fit.is_fitted = False
    assert how_to_continue(parts, Counts(read=3, rejected=3), LoadError("no")) == ""
