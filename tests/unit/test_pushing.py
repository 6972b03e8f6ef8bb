"""Rows that are pushed one by one: their batches fit each other."""

import pytest

from propload.options import SourceOptions
from propload.pushing import PushedSource

pytestmark = pytest.mark.timeout(30)


class Kept:
    """A journal in memory."""

    def __init__(self):
        self.batches = []

    def append(self, batch, *, timeout=None):
        assert timeout is None
        self.batches.append(batch.rows)


@pytest.fixture
def pushed():
    source = PushedSource(SourceOptions())
    kept = Kept()
    source.attach(kept)
    return source, kept


def test_a_null_has_the_type_that_its_column_had_before(pushed):
    source, kept = pushed
    for area in (10.5, None, 7.0):
        source.put({"id": 1, "area": area})
    assert len({str(rows.schema) for rows in kept.batches}) == 1


def test_a_row_has_no_columns_of_earlier_ones(pushed):
    source, kept = pushed
    source.put({"id": 1, "title": "x"})
    source.put({"id": 1, "price": 5})
    assert [rows.schema.names for rows in kept.batches] == [
        ["id", "title"],
        ["id", "price"],
    ]
