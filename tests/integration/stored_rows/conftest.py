"""Few rows are compared as many are, and it is seen whether they were."""

import logging

import pytest

from propload.postgres.writing.stored import stored_rows as compared_rows

COMPARED = "rows are compared with its"


@pytest.fixture(autouse=True)
def _of_few_columns(monkeypatch):
    """Have few rows, and rows of few columns, compared as well."""
    monkeypatch.setattr(compared_rows, "LEAST_ROWS", 1)
    monkeypatch.setattr(compared_rows, "LEAST_COLUMNS", 1)


@pytest.fixture
def compared(caplog):
    """Whether rows were compared with those of the table, since it was asked last."""
    caplog.set_level(logging.INFO, "propload.postgres.writing")

    def was_compared():
        found = COMPARED in caplog.text
        caplog.clear()
        return found

    return was_compared
