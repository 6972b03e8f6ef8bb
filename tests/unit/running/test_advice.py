"""What is said of a run that ends early, or might be killed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from propload.errors import LoadError, RejectLimitError
from propload.running.advice import way_on, what_ended


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
