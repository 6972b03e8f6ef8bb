"""Fixtures: compare even few rows with stored ones, and find out if that was done."""

import logging

import pytest

from propload.postgres.writing.stored import stored_rows as compared_rows

COMPARED = "rows are compared with its"


@pytest.fixture(autouse=True)
def _compare_even_few_rows_and_columns(monkeypatch):
    """Compare rows even if they, or their columns, are few."""
    monkeypatch.setattr(compared_rows, "LEAST_ROWS", 1)
    monkeypatch.setattr(compared_rows, "LEAST_COLUMNS", 1)


@pytest.fixture
def were_compared(caplog):
    """Return a function that says whether rows were compared since its last call."""
    caplog.set_level(logging.INFO, "propload.postgres.writing")

    def were_compared_since():
        is_compared = COMPARED in caplog.text
        caplog.clear()
        return is_compared

    return were_compared_since
