"""Fixtures: compare even few rows with stored ones, and see whether that was done."""

import logging

import pytest

from propload.postgres.writing.stored import stored_rows as compared_rows

COMPARED = "rows are compared with its"


@pytest.fixture(autouse=True)
def _of_few_columns(monkeypatch):
    """Compare few rows, and rows with few columns, as well."""
    monkeypatch.setattr(compared_rows, "LEAST_ROWS", 1)
    monkeypatch.setattr(compared_rows, "LEAST_COLUMNS", 1)


@pytest.fixture
def compared(caplog):
    """Return a function that says whether rows were compared since its last call."""
    caplog.set_level(logging.INFO, "propload.postgres.writing")

    def was_compared():
        is_compared = COMPARED in caplog.text
        caplog.clear()
        return is_compared

    return was_compared
