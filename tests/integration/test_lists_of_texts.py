"""Texts in lists become array elements exactly, or their row is rejected."""

import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def test_list_text_that_would_lose_a_part_is_rejected(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, seen date[], at time[])")
    rows = [
        {"id": 1, "seen": ["2024-01-02"], "at": ["10:00"]},
        {"id": 2, "seen": ["2024-01-02T23:00:00"], "at": ["10:00"]},
        {"id": 3, "seen": ["2024-01-02"], "at": ["10:00+02"]},
    ]
    report = propload.ingest(rows, to=database, table="homes", key="id")
    assert report.rejects["id"].sort().to_list() == [2, 3]
    assert query(database, "SELECT id, seen::text FROM homes") == [(1, "{2024-01-02}")]


def test_list_texts_become_numbers_as_single_texts_do(database):
    run_sql(database, "CREATE TABLE homes (id int PRIMARY KEY, a int[], b float8[])")
    rows = [{"id": 1, "a": ["007", "1.0"], "b": ["1.50"]}]
    for counts in ((1, 0), (0, 1)):
        report = propload.ingest(rows, to=database, table="homes", key="id")
        assert (report.counts.inserted, report.counts.unchanged) == counts
    assert query(database, "SELECT a::text, b::text FROM homes") == [("{7,1}", "{1.5}")]
