"""Results of DuckDB queries are stored as the values that they are in DuckDB."""

from __future__ import annotations

import pytest

import propload
from propload.errors import LoadError, SourceError
from tests.integration.reading import query, run_sql

duckdb = pytest.importorskip("duckdb")

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

UUID = "eeccb8c5-9943-b2bb-bb5e-222f4e14b687"
LONG = 2**127 - 1
#: A value, the type of its column (None: its table is created), and its stored text.
CASES = [
    ("'10101'::BIT", "bit(5)", "10101"),
    ("'10101'::BIT", None, "10101"),
    ("['101'::BIT, NULL]", "varbit[]", "{101,NULL}"),
    (f"{LONG}::HUGEINT", None, str(LONG)),
    (f"[-{LONG}::HUGEINT]", "numeric[]", f"{{-{LONG}}}"),
    ("(2::UHUGEINT ** 127 + 2::UHUGEINT ** 126)::UHUGEINT", "numeric", None),
    (f"'{UUID}'::UUID", "uuid", UUID),
    (f"['{UUID}'::UUID]", None, f"{{{UUID}}}"),
    ("'12:00:00.5-02:30'::TIMETZ", None, "12:00:00.5-02:30"),
    ("INTERVAL '1 month 2 days -3.5 seconds'", None, "1 mon 2 days -00:00:03.5"),
    ("'-12345678901234567890'::BIGNUM", "numeric", "-12345678901234567890"),
    ("'a'::ENUM('a', 'b')", "text", "a"),
    ("[1, NULL]", "int[]", "{1,NULL}"),
    ("[1, 2]::INT[2]", "int[]", "{1,2}"),
    ("union_value(num := 2)", "int", "2"),
    ("MAP {'k': [1]}", "jsonb", '{"k": [1]}'),
    (
        f"{{'h': {LONG}::HUGEINT, 'b': '101'::BIT, 'i': INTERVAL '1 month'}}",
        "jsonb",
        f'{{"b": "101", "h": {LONG}, "i": "P1M0DT0S"}}',
    ),
]


def load(dsn, value, pg_type, *, lossless=True):
    if pg_type:
        run_sql(dsn, f"CREATE TABLE rows (id int PRIMARY KEY, v {pg_type})")
    with duckdb.connect() as session:
        session.execute(f"SET arrow_lossless_conversion = {lossless}")
        rows = session.sql(f"SELECT * FROM (VALUES (1, {value}), (2, NULL)) t (id, v)")
        settings = {"to": dsn, "table": "rows", "key": "id", "progress": False}
        return propload.ingest(rows, **settings)


def stored(dsn):
    return [v for (v,) in query(dsn, "SELECT v::text FROM rows ORDER BY id")]


@pytest.mark.parametrize(("value", "pg_type", "text"), CASES)
def test_value_is_stored_exactly_when_arrow_names_its_type(
    database, value, pg_type, text
):
    load(database, value, pg_type)
    assert stored(database) == [text or str(2**127 + 2**126), None]


UNNAMED = [case for case in CASES if not any(n in case[0] for n in ("BIT", "TZ", "UH"))]


@pytest.mark.parametrize(("value", "pg_type", "text"), UNNAMED)
def test_most_values_are_stored_exactly_without_a_type_name(
    database, value, pg_type, text
):
    if value.startswith(f"{LONG}"):
        # DuckDB says of it only that it is a decimal of 38 digits
        pg_type = "numeric"
    load(database, value, pg_type, lossless=False)
    assert stored(database) == [text, None]


def test_bits_without_a_type_name_are_refused_with_advice(database):
    with pytest.raises(LoadError, match="SET arrow_lossless_conversion = true"):
        load(database, "'101'::BIT", "bit(3)", lossless=False)


@pytest.mark.parametrize("pg_type", [None, "time"])
def test_time_24_00_costs_only_its_row(database, pg_type):
    report = load(database, "TIME '24:00:00'", pg_type)
    assert (report.counts.inserted, report.counts.rejected) == (1, 1)
    assert report.rejects["v"].to_list() == ["24:00:00"]


def test_number_of_39_digits_costs_only_its_row(database):
    report = load(database, f"{LONG}::HUGEINT", "bigint", lossless=False)
    assert (report.counts.inserted, report.counts.rejected) == (1, 1)
    assert report.rejects["v"].to_list() == [str(LONG)]


def test_failing_query_is_a_source_error(database):
    with pytest.raises(SourceError, match="Could not convert string") as caught:
        load(database, "CASE WHEN random() < 2 THEN 'x' END::INT", None)
    assert isinstance(caught.value, LoadError)
    assert isinstance(caught.value.__cause__, duckdb.Error)
    assert caught.value.report.status == "failed"
