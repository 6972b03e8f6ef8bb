"""What is said of a run that ends early, or might be killed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from propload.errors import LoadError, RejectLimitError, WriteError
from propload.journal import JournalSource
from propload.report import Counts
from propload.running.advice import how_to_continue, way_on, what_ended


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
    journal, replayed, fingerprint, way
):
    parts = SimpleNamespace(
        journal=journal,
        plan=SimpleNamespace(replayed=replayed),
        record=SimpleNamespace(fingerprint=fingerprint),
    )
    assert way_on(parts) == way


def test_a_run_that_refused_too_many_rows_says_where_they_are():
    places = SimpleNamespace(state_dir=Path("/kept"))
    plan = SimpleNamespace(places=places)
    parts = SimpleNamespace(plan=plan, run_id="20260704T120000-bb1")
    way = "propload rejects show 20260704T120000-bb1 --state-dir /kept"
    limit = RejectLimitError("2 of 3 rows were refused")
    assert what_ended(parts, limit) == f"2 of 3 rows were refused: see {way}. "
    assert what_ended(parts, LoadError("the disk is full.")) == "the disk is full. "
    assert what_ended(parts, None) == ""
    # a message never begins with a full stop
    assert what_ended(parts, KeyboardInterrupt()) == "KeyboardInterrupt. "


@pytest.mark.parametrize("left", [None, "a journal", "its rows"])
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_run_that_cannot_be_gone_on_with_is_not_told_to_go_on(
    left, mode, monkeypatch
):
    journal = object.__new__(JournalSource) if left == "its rows" else None
    if left == "a journal":
        journal = SimpleNamespace(rows=3, waiting=3)
    parts = SimpleNamespace(
        journal=journal,
        target=SimpleNamespace(table="public.homes", mode=mode),
        plan=SimpleNamespace(places=SimpleNamespace(state_dir=None), replayed=""),
        source=SimpleNamespace(name="homes.csv", fingerprint=lambda: "a1"),
        fit=SimpleNamespace(is_fitted=True),
        run_id="RUN",
        lost_rows=0,
    )
    monkeypatch.setattr("propload.running.advice.state_flag", lambda _: "")
    counts = Counts(read=3, inserted=3)
    goes_on = how_to_continue(parts, counts, WriteError("no"))
    assert "--resume RUN" in goes_on or "propload recover" in goes_on
    told = how_to_continue(parts, counts, WriteError("no", goes_on=False))
    if left is None:
        rest = ", and only what is not committed yet" if mode == "append" else ""
        assert told.endswith(f". Load homes.csv anew, without --resume{rest}")
    elif mode == "replace":
        assert told == (
            "public.homes keeps its old rows. Load all rows anew, and drop what is "
            "left of these (propload recover --drop RUN)"
        )
