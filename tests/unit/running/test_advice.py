"""What is said of a run that ends early, or might be killed."""

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
    ("journal", "replayed", "fingerprint", "way"),
    [
        ("a journal", "", None, "recover"),
        (None, "20260704T120000-bb1", "a1", "replay"),
        (None, "", "a1", "resume"),
        (None, "", None, "again"),
    ],
)
def test_a_run_that_is_killed_goes_on_by_what_its_source_is(
    parts_of, journal, replayed, fingerprint, way
):
    parts = parts_of(journal, fingerprint=fingerprint, replayed=replayed)
    assert recovery_method(parts) == way


def test_a_run_that_refused_too_many_rows_says_where_they_are(parts_of):
    parts = parts_of(None, state=Path("/kept"))
    way = "propload rejects show RUN --state-dir /kept"
    limit = RejectLimitError("2 of 3 rows were rejected")
    assert what_ended(parts, limit) == f"2 of 3 rows were rejected: see {way}. "
    assert what_ended(parts, LoadError("the disk is full.")) == "the disk is full. "
    assert what_ended(parts, None) == ""
    # a message never begins with a full stop
    assert what_ended(parts, KeyboardInterrupt()) == "KeyboardInterrupt. "


def test_a_run_that_refused_too_many_rows_goes_on_with_another_limit(parts_of):
    counts, limit = Counts(read=3, inserted=1), RejectLimitError("2 of 3 rows")
    told = how_to_continue(parts_of(None, "append"), counts, limit)
    assert "if only the table or max_rejects has changed, the same command" in told
    assert "if a file or another setting has, load again" in told


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_run_that_cannot_be_gone_on_with_is_not_told_to_go_on(left, mode, parts_of):
    parts = parts_of(left, mode)
    counts = Counts(read=3, inserted=3)
    goes_on = how_to_continue(parts, counts, WriteError("no"))
    assert "--resume RUN" in goes_on or "propload recover" in goes_on
    told = how_to_continue(parts, counts, WriteError("no", goes_on=False))
    if left is None:
        rest = ", and only what is not committed yet" if mode == "append" else ""
        assert told.endswith(f". Load homes.csv again, without --resume{rest}")
    elif mode == "replace":
        assert told == (
            "public.homes keeps its old rows. Load all rows again, and drop what is "
            "left of these (propload recover --drop RUN)"
        )


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("mode", ["replace", "append"])
@pytest.mark.parametrize("sqlstate", ["42P01", "42703", "42501", "23505"])
def test_what_would_fail_again_is_to_be_mended_first(left, mode, sqlstate, parts_of):
    parts, counts = parts_of(left, mode), Counts(read=3, inserted=2)
    told = how_to_continue(parts, counts, WriteError("no", sqlstate=sqlstate))
    assert "fix that" in told
    again = how_to_continue(parts, counts, WriteError("no", sqlstate="57P01"))
    assert "fix that" not in again


@pytest.mark.parametrize("left", LEFT)
def test_a_table_that_is_gone_keeps_no_rows(left, parts_of):
    parts, counts = parts_of(left, "replace"), Counts(read=3, inserted=3)
    kept = "public.homes keeps its old rows"
    assert kept in how_to_continue(parts, counts, WriteError("no", sqlstate="42703"))
    gone = WriteError("no", sqlstate="42P01")
    assert kept not in how_to_continue(parts, counts, gone)
    # it is what the run had gathered that is gone
    gathered = WriteError("no", sqlstate="42P01", goes_on=False)
    assert kept in how_to_continue(parts, counts, gathered)


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("stored", [0, 3])
def test_what_went_with_its_table_does_not_stay(left, stored, parts_of):
    parts, counts = parts_of(left, "upsert"), Counts(read=4, rejected=1, updated=stored)
    told = how_to_continue(parts, counts, TableGoneError("no"))
    assert ("3 committed rows went with the table" in told) == bool(stored)
    assert ("What was committed stays" in told) == (left is None and not stored)
    if left is None and stored:
        assert told.endswith(". To continue: load homes.csv again, without --resume")
    renamed = TableGoneError("no", sqlstate="42P01")
    told = how_to_continue(parts, counts, renamed)
    assert ("went with the table unless it was renamed" in told) == bool(stored)


@pytest.mark.parametrize("left", LEFT)
def test_a_table_that_went_unnoticed_keeps_no_rows(left, parts_of):
    parts, counts = parts_of(left, "replace"), Counts(read=3, inserted=3)
    parts.is_table_gone = True
    told = how_to_continue(parts, counts, SourceError("no"))
    assert told.startswith("public.homes is gone, and its old rows with it. ")
    assert "in their place" not in told
    assert "fix that" in told
    assert "create the table again, then " in how_to_continue(parts, counts, None)
    # it was not there from the beginning
    parts.fit.is_fitted = False
    assert how_to_continue(parts, Counts(read=3, rejected=3), LoadError("no")) == ""
