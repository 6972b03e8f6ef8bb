"""What is said of a run that ends early, or might be killed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from propload.running.advice import way_on


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
